// kappad: one node of Kappa.
//
// Exit codes: tools/exit_code.h.
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "proto/rpc/polling_threads.h"
#include "proto/wire/clock.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/string_view.h"
#include "server/address_file.h"
#include "server/cluster_network.h"
#include "server/command_line.h"
#include "server/disk_guard.h"
#include "server/logging.h"
#include "server/maintenance.h"
#include "server/memory_budget.h"
#include "server/metrics.h"
#include "server/metrics_server.h"
#include "server/node.h"
#include "server/rpc/forward_target.h"
#include "server/rpc/grpc_server.h"
#include "server/tools/check_tool.h"
#include "server/tools/dump_tool.h"
#include "server/tools/exit_code.h"
#include "server/tools/recover_tool.h"
#include "storage/fast_crc32c.h"

namespace kappa::server {
namespace {

// Of the log store, see RocksLogStoreOptions::wal_bytes_max.
constexpr uint64_t kWalBytesMax = uint64_t{512} << 20;

// RELIABILITY.md S9: after a failed write or sync nothing may go on.
void EndAfterFailedWrite(const absl::Status& status) {
  LogError("a write or sync failed: the process ends",
           {{"error", std::string(status.message())}});
  _exit(kWriteFailed);
}

// RELIABILITY.md S5: nothing may be said any more; the next start sets the
// directory aside.
void EndAfterForgetting(const absl::Status&) { _exit(kForgot); }

// What may still reach the disk once nothing new is accepted.
uint64_t ReserveBytes(const MemoryBudget& memory) {
  return 2 * memory.memtable_bytes + kWalBytesMax;
}

NodeOptions NodeOptionsOf(const ServerConfig& config,
                          const MemoryBudget& memory, const Clock* clock,
                          DiskGuard* disk, std::function<bool()> stop) {
  NodeOptions options;
  options.data_dir = config.data_dir;
  options.shards = config.shards;
  options.segment_bytes = config.segment_bytes;
  options.memtable_bytes = memory.memtable_bytes;
  options.window_bytes = memory.window_bytes;
  options.block_cache_bytes = memory.block_cache_bytes;
  options.append_queue_bytes = memory.append_queue_bytes();
  options.reader_threads = config.reader_threads;
  options.accept_clock_behind = config.accept_clock_behind;
  options.clock = clock;
  options.disk = disk->state();
  options.on_locked = [disk] { disk->OnLocked(); };
  options.on_fatal = EndAfterFailedWrite;
  options.on_forgot = EndAfterForgetting;
  options.start_network = NetworkOf(config, clock);
  options.self = SelfOf(config);
  options.find_cluster = FinderOf(config, clock, std::move(stop));
  options.tick_us = int64_t{config.cluster.election_timeout_ms} * 100;
  return options;
}

ScrubSettings ScrubSettingsOf(const ServerConfig& config) {
  ScrubSettings settings;
  settings.period_us = int64_t{config.scrub_period_hours} * 3600 * 1'000'000;
  settings.bytes_per_second_max = config.scrub_bytes_per_second_max;
  return settings;
}

std::string MiB(size_t bytes) { return absl::StrCat(bytes >> 20, " MiB"); }

void LogStart(const ServerConfig& config, const MemoryBudget& memory) {
  LogInfo("kappad starts",
          {{"version", std::string(kKappadVersion)},
           {"pid", absl::StrCat(getpid())},
           {"data_dir", config.data_dir},
           {"crc32c", std::string(Crc32cVariant())},
           {"rocksdb_crc32c", std::string(storage::RocksDbCrc32cVariant())}});
  LogInfo("memory budget", {{"total", MiB(config.memory_bytes)},
                            {"memtable_each_of_2", MiB(memory.memtable_bytes)},
                            {"window", MiB(memory.window_bytes)},
                            {"block_cache", MiB(memory.block_cache_bytes)},
                            {"read_ahead", MiB(memory.read_ahead_bytes)},
                            {"grpc", MiB(memory.grpc_bytes)},
                            {"rest", MiB(memory.rest_bytes)}});
}

int Refuse(const ServerConfig& config, const absl::Status& status) {
  const std::string error(status.message());
  if (!absl::IsDataLoss(status)) {
    LogError("cannot start", {{"error", error}});
    return kCannotRun;
  }
  // RELIABILITY.md S4: the only ways on.
  LogError("cannot start",
           {{"error", error},
            {"next", absl::StrCat("kappad check ", config.data_dir,
                                  ", then kappad recover ", config.data_dir,
                                  " --accept-loss")}});
  return kForgot;
}

int RunTool(const ToolOptions& tool) {
  struct Runner {
    int operator()(const CheckOptions& options) { return RunCheck(options); }
    int operator()(const DumpOptions& options) { return RunDump(options); }
    int operator()(const RecoverOptions& options) {
      return RunRecover(options);
    }
  };
  return std::visit(Runner(), tool);
}

// What listens, in the order in which it is taken down.
struct Faces {
  std::unique_ptr<GrpcServer> grpc;
  std::unique_ptr<MetricsServer> metrics;
  std::unique_ptr<AddressFile> address;
  std::unique_ptr<AddressFile> metrics_address;
};

absl::Status OpenFaces(const ServerConfig& config, const MemoryBudget& memory,
                       Node* node, const Clock* clock, ForwardTarget* forward,
                       Faces* faces) {
  GrpcServerOptions options;
  options.peers = node->peers();
  options.forward_target = forward;
  options.listen = config.listen;
  options.tls = config.tls;
  // The window keeps large payloads in the network buffers they came in.
  options.quota_bytes = memory.grpc_quota_bytes() + memory.window_bytes;
  auto grpc = GrpcServer::Start(options, node, clock);
  if (!grpc.ok()) return grpc.status();
  faces->grpc = *std::move(grpc);
  auto metrics =
      MetricsServer::Start(config.metrics_listen,
                           std::make_shared<NodeMetrics>(
                               node, &faces->grpc->stats(), config.data_dir,
                               std::string(kKappadVersion)),
                           std::make_shared<PartitionMetrics>(node));
  if (!metrics.ok()) return metrics.status();
  faces->metrics = *std::move(metrics);
  auto metrics_file = AddressFile::Write(config.data_dir + "/metrics_address",
                                         faces->metrics->address());
  if (!metrics_file.ok()) return metrics_file.status();
  faces->metrics_address = *std::move(metrics_file);
  // Last: whoever waits for it may call at once.
  auto file =
      AddressFile::Write(config.data_dir + "/address", faces->grpc->address());
  if (!file.ok()) return file.status();
  faces->address = *std::move(file);
  return absl::OkStatus();
}

void CloseFaces(Node* node, Faces* faces) {
  faces->address.reset();
  faces->metrics_address.reset();
  // A scrape reads what Shutdown takes down.
  faces->metrics.reset();
  if (faces->grpc != nullptr) faces->grpc->BeginShutdown();
  node->Shutdown();
  if (faces->grpc != nullptr) faces->grpc->Stop();
}

// SIGTERM and SIGINT, which no thread takes but the one that waits for them.
sigset_t BlockEndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a write that fails says so by its result
  return signals;
}

// Whether one of the signals came; takes it.
bool WasTold(const sigset_t& signals) {
  const timespec no_wait{};
  return sigtimedwait(&signals, nullptr, &no_wait) > 0;
}

int Serve(const ServerConfig& config) {
  const sigset_t end_signals = BlockEndSignals();
  StartLogging(config.log_format, config.log_level);
  const MemoryBudget memory = SplitMemory(config.memory_bytes);
  LogStart(config, memory);
  std::error_code error;
  std::filesystem::create_directories(config.data_dir, error);
  if (error) {
    return Refuse(
        config, absl::FailedPreconditionError(absl::StrCat(
                    "cannot create ", config.data_dir, ": ", error.message())));
  }
  const PollingThreads polling;
  const SystemClock clock;
  const int64_t begun_us = clock.MonotonicUs();
  auto disk = DiskGuard::Start({.data_dir = config.data_dir,
                                .settings = config.disk,
                                .reserve_bytes = ReserveBytes(memory),
                                .probe = nullptr});
  if (!disk.ok()) return Refuse(config, disk.status());
  ForwardTarget forward;
  NodeOptions options =
      NodeOptionsOf(config, memory, &clock, disk->get(),
                    [&end_signals] { return WasTold(end_signals); });
  options.forward = [&forward](raft::v1::ForwardRequest request,
                               ForwardTarget::Done done) {
    forward.Run(std::move(request), std::move(done));
  };
  auto node = Node::Open(std::move(options));
  if (absl::IsCancelled(node.status())) {
    LogInfo("ended before there was a cluster");
    return 0;
  }
  if (!node.ok()) return Refuse(config, node.status());
  if (auto* maintenance = dynamic_cast<Maintenance*>(node->get())) {
    maintenance->KeepScrubbing(ScrubSettingsOf(config));
  }
  Faces faces;
  absl::Status open =
      OpenFaces(config, memory, node->get(), &clock, &forward, &faces);
  if (!open.ok()) {
    CloseFaces(node->get(), &faces);
    return Refuse(config, open);
  }
  (*disk)->Watch([grpc = faces.grpc.get()](DiskLevel level) {
    grpc->SetAppending(level == DiskLevel::kAmple);
  });
  LogInfo(
      "serving",
      {{"address", faces.grpc->address().ToString()},
       {"tls", config.tls.cert.empty() ? "no"
               : config.tls.ca.empty() ? "yes"
                                       : "yes, with client certificates"},
       {"metrics", absl::StrCat("http://", faces.metrics->address().ToString(),
                                "/metrics")},
       {"start_ms", absl::StrCat((clock.MonotonicUs() - begun_us) / 1000)}});
  int received = 0;
  sigwait(&end_signals, &received);
  LogInfo("ending: finishing acknowledged work",
          {{"signal", received == SIGTERM ? "SIGTERM" : "SIGINT"}});
  disk->reset();
  CloseFaces(node->get(), &faces);
  faces.grpc.reset();
  node->reset();
  LogInfo("ended");
  return 0;
}

}  // namespace
}  // namespace kappa::server

int main(int argc, char** argv) {
  // Few arenas: with one per thread an idle node keeps tens of megabytes.
  mallopt(M_ARENA_MAX, 2);
  const kappa::server::CommandLine line =
      kappa::server::ParseCommandLine(argc, argv);
  if (line.tool.has_value()) return kappa::server::RunTool(*line.tool);
  if (!line.config.has_value()) {
    std::fputs(line.output.c_str(), line.exit_code == 0 ? stdout : stderr);
    return line.exit_code;
  }
  return kappa::server::Serve(*line.config);
}
