// The three measurements of `kappa bench`.
#ifndef KAPPA_CLIENT_BENCH_BENCH_H_
#define KAPPA_CLIENT_BENCH_BENCH_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/bench/bench_report.h"
#include "client/bench/bench_server.h"
#include "client/cpp/client.h"
#include "proto/wire/codec.h"

namespace kappa::bench {

struct BenchOptions {
  BenchServerOptions server;
  // Made for the measurement; it must not exist. It stays when the server does.
  std::string topic = "kappa-bench";
  size_t record_bytes = 1024;  // value length
  size_t batch_bytes = 128 * 1024;
  uint32_t partitions = 1;
  uint32_t producers = 1;  // threads, each with a producer of its own
  uint32_t readers = 1;    // replay: concurrent replays of the whole topic
  Codec compression = Codec::kNone;
  uint64_t seed = 1;
  // What values are cut from, one after the other; at least `record_bytes`.
  // Null: random bytes.
  std::shared_ptr<const std::string> values;
  // Append and latency: measured after `warm_up`.
  absl::Duration duration = absl::Seconds(10);
  absl::Duration warm_up = absl::Seconds(1);
  // Latency: records per second in an open loop; 0: one record at a time, each
  // sent when the one before is answered.
  double rate = 0;
  // Longest wait for more records of a batch; absent: 50 ms for append, the
  // SDK's own for latency.
  std::optional<absl::Duration> linger = std::nullopt;
  // Append: bytes on their way at once. Replay: bytes appended before it.
  uint64_t outstanding_bytes = 16 << 20;
  uint64_t replay_bytes = uint64_t{1} << 30;
  // Replay: the topic exists, and is replayed as it is.
  bool existing_topic = false;
  // Asked from time to time; true ends the measurement early.
  std::function<bool()> stop_requested;
};

// Appends as fast as the server takes it; latency is that of batches, from the
// sealing of a batch to its answer.
absl::StatusOr<BenchReport> RunAppendBench(const BenchOptions& options);

// Appends single records and measures each from its intended send time to its
// answer.
absl::StatusOr<BenchReport> RunLatencyBench(const BenchOptions& options);

// Appends `replay_bytes`, then replays them with `readers` clients, each of
// which looks at every record; the figures are of all readers together.
absl::StatusOr<BenchReport> RunReplayBench(const BenchOptions& options);

// --- shared by the measurements ---

// A running server with the topic on it.
struct BenchSetup {
  std::unique_ptr<BenchServer> server;
  std::shared_ptr<client::Client> client;
  std::optional<uint64_t> server_rss_idle_bytes;
};
absl::StatusOr<BenchSetup> SetUpBench(const BenchOptions& options);

// A report with the settings and the idle memory filled in.
BenchReport BeginReport(const std::string& kind, const BenchOptions& options,
                        const BenchSetup& setup);

// CPU time of this process so far, in seconds.
double OwnCpuSeconds();

}  // namespace kappa::bench

#endif  // KAPPA_CLIENT_BENCH_BENCH_H_
