// Measures what this machine could do at most, in one run, as one JSON object:
//
//   limits [--dir DIR] [--seconds S]
//
// Figures of Kappa are compared with those of the same minute: disks, and the
// neighbours of a virtual machine, differ from hour to hour.
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/bench/process_usage.h"
#include "nlohmann/json.hpp"
#include "storage/fast_crc32c.h"
#include "tests/performance/commit_limit.h"
#include "tests/performance/grpc_stream_limit.h"
#include "tests/performance/rocksdb_limit.h"

namespace kappa::performance {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct LimitsOptions {
  std::string directory;  // empty: a fresh one in the temporary directory
  double seconds = 3;     // of each stream and of RocksDB; commits: 2/3 of it
};

// A folder of its own in a directory, removed at the end.
class ScratchFolder {
 public:
  static absl::StatusOr<std::unique_ptr<ScratchFolder>> Make(
      const std::string& parent) {
    std::error_code error;
    const fs::path base =
        parent.empty() ? fs::temp_directory_path(error) : fs::path(parent);
    if (!error) fs::create_directories(base, error);
    std::string path = (base / "kappa-limits-XXXXXX").string();
    if (error || mkdtemp(path.data()) == nullptr) {
      return absl::UnavailableError(absl::StrCat("cannot make ", path));
    }
    return std::unique_ptr<ScratchFolder>(new ScratchFolder(path));
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}

  const std::string path_;
};

// CPU time of a process so far; 0 when it cannot be read.
double CpuSeconds(pid_t pid) {
  const auto usage = bench::ReadProcessUsage(pid);
  return usage.ok() ? usage->cpu_s : 0;
}

// Rate and cost of `megabytes_per_s` over `duration`.
Json Throughput(double megabytes_per_s, absl::Duration duration, double cpu_s) {
  const double gigabytes =
      megabytes_per_s * absl::ToDoubleSeconds(duration) / 1000;
  return {{"mb_per_s", megabytes_per_s}, {"cpu_s_per_gb", cpu_s / gigabytes}};
}

absl::Status MeasureStreams(absl::Duration duration, Json* json) {
  const auto stream = GrpcStreamLimit::Start();
  if (!stream.ok()) return stream.status();
  const auto cpu_s = [&stream] {
    return CpuSeconds(getpid()) + CpuSeconds((*stream)->server());
  };
  const double begin_s = cpu_s();
  const auto to_server = (*stream)->MeasureToServer(duration);
  if (!to_server.ok()) return to_server.status();
  const double middle_s = cpu_s();
  const auto to_client = (*stream)->MeasureToClient(duration);
  if (!to_client.ok()) return to_client.status();
  const double end_s = cpu_s();
  const auto round_trip = (*stream)->MeasureRoundTrip(duration / 3);
  if (!round_trip.ok()) return round_trip.status();
  (*json)["grpc_round_trip"]["p50_ms"] = *round_trip;
  (*json)["grpc_to_server"] =
      Throughput(*to_server, duration, middle_s - begin_s);
  (*json)["grpc_to_client"] =
      Throughput(*to_client, duration, end_s - middle_s);
  return absl::OkStatus();
}

absl::Status MeasureDisk(const LimitsOptions& options, Json* json) {
  const absl::Duration duration = absl::Seconds(options.seconds);
  auto folder = ScratchFolder::Make(options.directory);
  if (!folder.ok()) return folder.status();
  const double begin_s = CpuSeconds(getpid());
  const auto rocksdb = MeasureRocksDb((*folder)->path(), duration);
  if (!rocksdb.ok()) return rocksdb.status();
  // The warm-up's CPU is in it too, so the cost is an upper bound.
  (*json)["rocksdb"] =
      Throughput(*rocksdb, duration, CpuSeconds(getpid()) - begin_s);
  (*json)["rocksdb"]["crc32c"] = std::string(storage::RocksDbCrc32cVariant());

  folder->reset();
  folder = ScratchFolder::Make(options.directory);
  if (!folder.ok()) return folder.status();
  const auto commit = MeasureCommit((*folder)->path(), duration * 2 / 3);
  if (!commit.ok()) return commit.status();
  (*json)["commit"]["p50_ms"] = commit->p50_ms;
  (*json)["commit"]["p99_ms"] = commit->p99_ms;
  (*json)["commit"]["commits"] = commit->commits;
  return absl::OkStatus();
}

absl::Status MeasureLimits(const LimitsOptions& options) {
  Json json;
  // First, while there is one thread: the stream forks.
  absl::Status status = MeasureStreams(absl::Seconds(options.seconds), &json);
  if (status.ok()) status = MeasureDisk(options, &json);
  if (status.ok()) std::printf("%s\n", json.dump(2).c_str());
  return status;
}

int Main(int count, char** arguments) {
  LimitsOptions options;
  CLI::App app("Measures the limits of this machine");
  app.add_option("--dir", options.directory,
                 "Directory to write into (default: a temporary one)");
  app.add_option("--seconds", options.seconds, "Length of each measurement")
      ->check(CLI::Range(0.1, 600.0))
      ->capture_default_str();
  CLI11_PARSE(app, count, arguments);
  const absl::Status status = MeasureLimits(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "limits: %s\n", status.ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace kappa::performance

int main(int count, char** arguments) {
  return kappa::performance::Main(count, arguments);
}
