// RpcStats: what the network face counts, for /metrics.
#ifndef KAPPA_SERVER_RPC_RPC_STATS_H_
#define KAPPA_SERVER_RPC_RPC_STATS_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "kappa/v1/error.pb.h"
#include "server/errors.h"

namespace kappa::server {

// Thread safety: thread-safe; each number is exact, together they are not one
// moment.
struct RpcStats {
  using Count = std::atomic<uint64_t>;

  // Counters.
  Count append_requests{0};  // unary and streamed
  Count delivered_batches{0};
  Count delivered_records{0};
  Count delivered_bytes{0};  // payload
  Count heartbeats{0};
  Count replay_pauses{0};  // chunks that waited so that appends need not
  // Calls and streamed batches that ended with an error, by reason.
  std::array<Count, v1::ErrorReason_ARRAYSIZE> errors{};
  // Appends, by reason, that were refused before they reached the node.
  std::array<Count, v1::ErrorReason_ARRAYSIZE> append_refusals{};
  // Now.
  // How fast all replays may go together, as of the last chunk; 0: as fast as
  // they can.
  std::atomic<uint64_t> replay_bytes_per_s{0};
  std::atomic<int64_t> append_streams{0};
  std::atomic<int64_t> replays{0};

  // Counts a failed answer.
  void CountError(const absl::Status& status) {
    errors[ReasonOf(status)].fetch_add(1, std::memory_order_relaxed);
  }
  // Counts an append that does not reach the node.
  void CountAppendRefusal(const absl::Status& status) {
    append_refusals[ReasonOf(status)].fetch_add(1, std::memory_order_relaxed);
  }

 private:
  static v1::ErrorReason ReasonOf(const absl::Status& status) {
    v1::ErrorReason reason = v1::ERROR_REASON_INTERNAL;
    v1::ErrorReason_Parse("ERROR_REASON_" + ErrorInfoOf(status).reason(),
                          &reason);
    return reason;
  }
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_RPC_STATS_H_
