// Measures a node without its network face, on RocksDB:
//   node_benchmark DIR append BATCH_BYTES BATCHES PARTITIONS IN_FLIGHT
//   node_benchmark DIR partitions COUNT
// The first appends and reports batches/s, MB/s and CPU-s/GB (payload and its
// digests made ahead). The second makes a topic, then reports the time of that,
// of opening again, and resident memory.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "proto/wire/check.h"
#include "proto/wire/clock.h"
#include "proto/wire/mutex.h"
#include "server/node.h"
#include "server/node_stats.h"
#include "tests/server/awaited.h"
#include "tests/server/node_driver.h"

namespace kappa::server {
namespace {

const SystemClock kClock;

double Seconds(int64_t since_us) {
  return static_cast<double>(kClock.MonotonicUs() - since_us) / 1e6;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) +
           static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::string ResidentMemory() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmRSS:")) return line.substr(6);
  }
  return "unknown";
}

std::unique_ptr<Node> OpenNode(const std::string& directory) {
  NodeOptions options;
  options.data_dir = directory;
  options.clock = &kClock;
  options.on_fatal = [](const absl::Status& status) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    std::abort();
  };
  auto node = Node::Open(std::move(options));
  if (!node.ok()) {
    std::fprintf(stderr, "%s\n", node.status().ToString().c_str());
    std::exit(1);
  }
  return *std::move(node);
}

std::vector<GroupId> MakeTopic(Node& node, uint32_t partitions) {
  v1::CreateTopicRequest request;
  request.set_name("t");
  request.set_partitions(partitions);
  Awaited<v1::CreateTopicResponse> answer;
  node.CreateTopic(request, answer.callback());
  KAPPA_CHECK(answer.Get().ok(), "the topic can be made");
  return node.FindTopic("t")->groups;
}

// Lets a number of things be under way at once.
class Gate {
 public:
  explicit Gate(int free) : free_(free) {}
  void Enter() {
    MutexLock lock(&mutex_);
    while (free_ == 0) changed_.Wait(&mutex_);
    --free_;
  }
  void Leave() {
    MutexLock lock(&mutex_);
    ++free_;
    changed_.Signal();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int free_ ABSL_GUARDED_BY(mutex_);
};

void MeasureAppends(const std::string& directory, size_t batch_bytes,
                    uint64_t batches, uint32_t partitions, int in_flight) {
  std::unique_ptr<Node> node = OpenNode(directory);
  const std::vector<GroupId> groups = MakeTopic(*node, partitions);
  const CheckedBatch batch = BatchOf({std::string(batch_bytes, 'v')});
  Gate gate(in_flight);
  const int64_t begun_us = kClock.MonotonicUs();
  const double cpu_before = CpuSeconds();
  for (uint64_t i = 0; i < batches; ++i) {
    gate.Enter();
    AppendCommand command;
    command.group = groups[i % groups.size()];
    command.batch = batch;
    node->Append(std::move(command), [&](absl::StatusOr<AppendResult> result) {
      KAPPA_CHECK(result.ok(), "an append succeeds");
      gate.Leave();
    });
  }
  for (int i = 0; i < in_flight; ++i) gate.Enter();
  const double seconds = Seconds(begun_us);
  const double bytes = static_cast<double>(batch_bytes * batches);
  const NodeStats stats = node->Stats();
  std::printf(
      "%.0f batches/s, %.1f MB/s, %.2f CPU-s/GB, %llu cycles, %llu drains\n",
      static_cast<double>(batches) / seconds, bytes / 1e6 / seconds,
      (CpuSeconds() - cpu_before) / (bytes / 1e9),
      static_cast<unsigned long long>(stats.writer.cycles),
      static_cast<unsigned long long>(stats.shards[0].drains));
}

void MeasurePartitions(const std::string& directory, uint32_t count) {
  const auto append_everywhere = [](Node& node, std::string_view what) {
    const std::vector<GroupId> groups = node.FindTopic("t")->groups;
    const CheckedBatch batch = BatchOf({"v"});
    Gate gate(1000);
    const int64_t begun_us = kClock.MonotonicUs();
    for (const GroupId group : groups) {
      gate.Enter();
      AppendCommand command;
      command.group = group;
      command.batch = batch;
      node.Append(std::move(command), [&](absl::StatusOr<AppendResult> result) {
        KAPPA_CHECK(result.ok(), "an append succeeds");
        gate.Leave();
      });
    }
    for (int i = 0; i < 1000; ++i) gate.Enter();
    std::printf("%s: %.3f s, resident%s\n", std::string(what).c_str(),
                Seconds(begun_us), ResidentMemory().c_str());
  };
  {
    std::unique_ptr<Node> node = OpenNode(directory);
    std::printf("empty node: resident%s\n", ResidentMemory().c_str());
    const int64_t begun_us = kClock.MonotonicUs();
    MakeTopic(*node, count);
    std::printf("made: %.3f s, resident%s\n", Seconds(begun_us),
                ResidentMemory().c_str());
    append_everywhere(*node, "first append to each");
  }
  const int64_t begun_us = kClock.MonotonicUs();
  std::unique_ptr<Node> node = OpenNode(directory);
  std::printf("opened again: %.3f s, resident%s\n", Seconds(begun_us),
              ResidentMemory().c_str());
  append_everywhere(*node, "second append to each");
}

}  // namespace
}  // namespace kappa::server

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[2] : "";
  const auto number = [argv](int i) {
    return std::strtoull(argv[i], nullptr, 10);
  };
  if (what == "append" && argc == 7) {
    kappa::server::MeasureAppends(argv[1], number(3), number(4),
                                  static_cast<uint32_t>(number(5)),
                                  static_cast<int>(number(6)));
  } else if (what == "partitions" && argc == 4) {
    kappa::server::MeasurePartitions(argv[1], static_cast<uint32_t>(number(3)));
  } else {
    std::fprintf(stderr,
                 "usage: node_benchmark DIR append BATCH_BYTES BATCHES "
                 "PARTITIONS IN_FLIGHT\n"
                 "       node_benchmark DIR partitions COUNT\n");
    return 2;
  }
  return 0;
}
