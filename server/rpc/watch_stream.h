// WatchStream: tells one watcher what changes in the cluster.
//
//   ClusterStatus::Observe ─> TaskPool: ChangesSince ─> ready_ ─> StartWrite
//          ^                                              │
//          └──── kLookPeriodUs later, if all is written ──┘
#ifndef KAPPA_SERVER_RPC_WATCH_STREAM_H_
#define KAPPA_SERVER_RPC_WATCH_STREAM_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "proto/wire/mutex.h"
#include "server/cluster_status.h"
#include "server/rpc/live_streams.h"
#include "server/rpc/pump_gate.h"
#include "server/rpc/rpc_context.h"

namespace kappa::server {

// A watcher that does not read keeps its stream from looking: what comes and
// goes meanwhile is left out, and one look's changes are all that is held.
//
// Invariant: at most one look is under way or due; only it touches before_.
// Thread safety: gRPC, the node and the pool call in on any thread.
class WatchStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                          public LiveStream,
                          public std::enable_shared_from_this<WatchStream> {
 public:
  static constexpr int64_t kLookPeriodUs = 500'000;
  static constexpr int kChangesMax = 1'000;  // of one message

  // Starts; the stream lives until gRPC is done with it.
  static WatchStream* Start(const RpcContext& context, ClusterStatus* status,
                            const grpc::ByteBuffer& request);

  WatchStream(const RpcContext& context, ClusterStatus* status)
      : context_(context), status_(status) {}

  void BeginShutdown() override;

 private:
  void OnWriteDone(bool ok) override;
  void OnCancel() override { EndWith(grpc::Status::CANCELLED); }
  void OnDone() override { context_.streams->Remove(this); }

  void Look();
  void OnSeen(absl::StatusOr<ClusterObservation> seen);
  void EndWith(const grpc::Status& status);
  void Pump() {
    gate_.Run([this] { StartOperations(); });
  }
  void StartOperations();

  const RpcContext context_;
  ClusterStatus* const status_;
  PumpGate gate_;
  grpc::ByteBuffer write_;                    // while writing_
  std::optional<ClusterObservation> before_;  // of whoever looks

  Mutex mutex_;
  bool looking_ ABSL_GUARDED_BY(mutex_) = true;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);
  std::deque<grpc::ByteBuffer> ready_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_WATCH_STREAM_H_
