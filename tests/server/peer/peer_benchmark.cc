// Measures one pair of transports over loopback, both in this process:
//   peer_benchmark MESSAGE_BYTES MESSAGES SENT_PER_CALL
// Sends messages with one entry each (0 bytes: heartbeats), holding at most 8
// MiB, or 4096, on their way, and reports MB/s of content, messages/s, frames
// and CPU-s/GB of both ends together.
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "proto/wire/check.h"
#include "proto/wire/clock.h"
#include "proto/wire/mutex.h"
#include "server/peer/peer_transport.h"
#include "tests/server/peer/peer_samples.h"

namespace kappa::server {
namespace {

const SystemClock kClock;
constexpr size_t kOnTheWayBytes = 8 << 20;
constexpr size_t kOnTheWayMax = 4096;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) +
           static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// How many messages have arrived, for the sender to wait for.
class Arrivals {
 public:
  void Add() {
    MutexLock lock(&mutex_);
    ++count_;
    changed_.Signal();
  }
  void WaitFor(uint64_t count) {
    MutexLock lock(&mutex_);
    while (count_ < count) changed_.Wait(&mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  uint64_t count_ = 0;
};

std::unique_ptr<PeerTransport> Start(uint64_t node, Arrivals* arrivals) {
  PeerTransportOptions options;
  options.self.node = NodeId(node);
  options.self.open_id = node;
  options.clock = &kClock;
  options.callbacks.deliver = [arrivals](PeerDelivery) { arrivals->Add(); };
  auto transport = PeerTransport::Start(std::move(options));
  KAPPA_CHECK(transport.ok(), "a free port");
  return *std::move(transport);
}

int Run(size_t bytes, uint64_t count, uint64_t per_call) {
  Arrivals arrivals;
  Arrivals none;
  auto two = Start(2, &arrivals);
  auto one = Start(1, &none);
  one->SetPeer(NodeId(2), two->address().ToString());
  one->Send(NodeId(2), Heartbeat(1, 2, 0, 0));
  one->Send(NodeId(2), EntryMessage(1, 2, 0, 2, Payload()));
  arrivals.WaitFor(2);
  const Payload content = Payload::FromString(Pattern(bytes));
  const uint64_t on_the_way = std::max<uint64_t>(
      per_call, std::min(kOnTheWayMax,
                         bytes == 0 ? kOnTheWayMax : kOnTheWayBytes / bytes));
  const double cpu = CpuSeconds();
  const int64_t start_us = kClock.MonotonicUs();
  for (uint64_t sent = 0; sent < count; sent += per_call) {
    if (sent + per_call > on_the_way) {
      arrivals.WaitFor(2 + sent + per_call - on_the_way);
    }
    std::vector<PeerMessage> messages;
    for (uint64_t i = 0; i < per_call; ++i) {
      messages.push_back(bytes == 0
                             ? Heartbeat(1, 2, i, sent)
                             : EntryMessage(1, 2, i, sent + i + 2, content));
    }
    one->Send(NodeId(2), std::move(messages));
  }
  arrivals.WaitFor(2 + count);
  const double seconds =
      static_cast<double>(kClock.MonotonicUs() - start_us) / 1e6;
  const double gigabytes =
      static_cast<double>(bytes) * static_cast<double>(count) / 1e9;
  const double used = CpuSeconds() - cpu;
  uint64_t frames = 0;
  for (const LinkStatus& link : one->Statuses()[0].sending->links) {
    frames += link.sent_frames;
  }
  std::printf("%zu bytes: %.0f MB/s, %.0f messages/s, %lu frames, CPU %.2f s",
              bytes, gigabytes * 1e3 / seconds,
              static_cast<double>(count) / seconds,
              static_cast<unsigned long>(frames), used);
  if (bytes > 0) std::printf(", %.2f s/GB", used / gigabytes);
  std::printf("\n");
  return 0;
}

}  // namespace
}  // namespace kappa::server

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr,
                 "peer_benchmark MESSAGE_BYTES MESSAGES SENT_PER_CALL\n");
    return 2;
  }
  const auto number = [&](int i) {
    return std::strtoull(argv[i], nullptr, 10);
  };
  const uint64_t per_call = std::max<uint64_t>(1, number(3));
  return kappa::server::Run(number(1), number(2) / per_call * per_call,
                            per_call);
}
