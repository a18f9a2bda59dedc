// AppendStream: one stream of pipelined appends.
//
//   OnReadDone ─> scan, check ─> Node::Append ─> lane (order per partition)
//        ^                                          │
//        └── next read, if the window allows    answers ─> StartWrite
#ifndef KAPPA_SERVER_RPC_APPEND_STREAM_H_
#define KAPPA_SERVER_RPC_APPEND_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "kappa/v1/log_service.pb.h"
#include "proto/wire/mutex.h"
#include "server/rpc/append_request_scan.h"
#include "server/rpc/live_streams.h"
#include "server/rpc/partition_lookup.h"
#include "server/rpc/pump_gate.h"
#include "server/rpc/rpc_context.h"

namespace kappa::server {

// Requests are read one at a time and reach the node in their order; answers of
// one partition leave in that order, those of different partitions as they
// come. Beyond kWindowBytes or kWindowRequests without an answer the stream is
// not read, and gRPC's flow control holds the client back.
//
// Thread safety: gRPC and the node call in on any thread.
class AppendStream final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public LiveStream,
      public std::enable_shared_from_this<AppendStream> {
 public:
  static constexpr size_t kWindowBytes = 8 << 20;
  static constexpr size_t kWindowRequests = 1024;

  // Starts; the stream lives until gRPC is done with it.
  static AppendStream* Start(const RpcContext& context);

  explicit AppendStream(const RpcContext& context);

  void BeginShutdown() override;

 private:
  using LaneKey = size_t;
  // One request until its answer is handed to gRPC.
  struct Slot {
    LaneKey lane = 0;
    size_t bytes = 0;
    std::optional<grpc::ByteBuffer> answer;
  };

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Handles the request in `read_`. False when that takes until EndRead.
  bool Accept();
  // The same for a request that was scanned; its slot is open.
  bool Route(uint64_t correlation_id, ScannedAppend append,
             const std::shared_ptr<Slot>& slot);
  void Submit(uint64_t correlation_id, const ScannedAppend& append,
              absl::StatusOr<FoundPartition> partition,
              std::shared_ptr<Slot> slot);
  // The request that was read is dealt with: the next one may come.
  void EndRead();
  std::shared_ptr<Slot> OpenSlot(LaneKey lane, size_t bytes);
  void Answer(const std::shared_ptr<Slot>& slot, uint64_t correlation_id,
              absl::StatusOr<v1::AppendResponse> result);
  // Ends the stream with `status` after the answers that are owed.
  void EndWith(const absl::Status& status);
  // Starts whatever can be started now.
  void Pump() {
    gate_.Run([this] { StartOperations(); });
  }
  void StartOperations();

  const RpcContext context_;
  grpc::ByteBuffer read_;   // while reading_
  grpc::ByteBuffer write_;  // while writing_
  PumpGate gate_;

  Mutex mutex_;
  // From StartRead until its request was submitted: the next one must not
  // overtake it.
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool wrote_once_ ABSL_GUARDED_BY(mutex_) = false;
  bool reads_ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  // How to end once nothing is owed; OK after a half-close.
  absl::Status end_ ABSL_GUARDED_BY(mutex_);
  // Requests whose answer was not written; bytes of those not decided yet.
  size_t open_requests_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t open_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<LaneKey, std::deque<std::shared_ptr<Slot>>> lanes_
      ABSL_GUARDED_BY(mutex_);
  std::deque<grpc::ByteBuffer> answers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_APPEND_STREAM_H_
