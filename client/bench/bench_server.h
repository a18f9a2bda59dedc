// BenchServer: the server under measurement: one of its own, or one that runs
// elsewhere.
#ifndef KAPPA_CLIENT_BENCH_BENCH_SERVER_H_
#define KAPPA_CLIENT_BENCH_BENCH_SERVER_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/bench/process_usage.h"
#include "client/cpp/tls_options.h"

namespace kappa::bench {

struct BenchServerOptions {
  // "HOST:PORT,...": measure this one; empty: start one.
  std::string server;
  // How to reach that one.
  std::optional<client::TlsOptions> tls = std::nullopt;
  // Program to start; empty: $KAPPAD, or kappad beside this program.
  std::string kappad;
  // Directory for its data; empty: a temporary one, removed at the end. It must
  // not hold anything.
  std::string data_dir;
  // With `server`: the processes that it is, on this machine; their usage is
  // summed up, memory aside, which is that of the largest.
  std::vector<pid_t> pids = {};
  // Further arguments, e.g. {"--segment-bytes", "536870912"}.
  std::vector<std::string> arguments;
};

// Thread safety: thread-compatible.
class BenchServer {
 public:
  // Starts the server, or only remembers the address.
  // Errors: NOT_FOUND: no program; FAILED_PRECONDITION: the directory is not
  // empty; UNAVAILABLE: it does not serve within 30 s (with the end of its
  // log).
  static absl::StatusOr<std::unique_ptr<BenchServer>> Start(
      BenchServerOptions options);
  // Ends the server that was started, and removes its temporary directory.
  ~BenchServer();
  BenchServer(const BenchServer&) = delete;
  BenchServer& operator=(const BenchServer&) = delete;

  const std::string& address() const { return address_; }
  // nullopt for a server that runs elsewhere, if its processes were not named.
  std::optional<ProcessUsage> Usage() const;

 private:
  explicit BenchServer(BenchServerOptions options)
      : options_(std::move(options)) {}

  absl::Status PrepareDirectory();
  absl::Status Spawn(const std::string& program);
  absl::Status WaitForAddress();
  std::string LogTail() const;

  const BenchServerOptions options_;
  std::string address_;
  std::string directory_;
  bool temporary_ = false;
  pid_t pid_ = 0;
};

}  // namespace kappa::bench

#endif  // KAPPA_CLIENT_BENCH_BENCH_SERVER_H_
