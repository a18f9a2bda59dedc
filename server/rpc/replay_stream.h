// ReplayStream: one replay of a partition.
//
//   Node::Read / WaitForEnd ─> TaskPool: Delivery ─> ready_ ─> StartWrite
//          ^                                           │
//          └────────── when nothing is ready ──────────┘
#ifndef KAPPA_SERVER_RPC_REPLAY_STREAM_H_
#define KAPPA_SERVER_RPC_REPLAY_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "kappa/v1/log_service.pb.h"
#include "proto/wire/mutex.h"
#include "server/node.h"
#include "server/rpc/delivery.h"
#include "server/rpc/live_streams.h"
#include "server/rpc/partition_lookup.h"
#include "server/rpc/pump_gate.h"
#include "server/rpc/read_plan.h"
#include "server/rpc/replay_pace.h"
#include "server/rpc/rpc_context.h"
#include "server/rpc/wire_message.h"

namespace kappa::server {

// While the messages of one chunk are written the next chunk is read; more than
// that is never held, and with many replays the chunks get smaller
// (kReplayMemoryBytes). Chunks are large for the disk, messages small for the
// network: a reader takes one while the next is on its way.
//
// Invariant: at most one of {resolving, Node::Read, WaitForEnd, task in the
// pool} is under way (busy_); only it touches delivery_ and tail state.
// Thread safety: gRPC, the node and the pool call in on any thread.
class ReplayStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                           public LiveStream,
                           public std::enable_shared_from_this<ReplayStream> {
 public:
  static constexpr size_t kChunkBytesMax = 1 << 20;
  static constexpr size_t kChunkBytesMin = 64 << 10;
  static constexpr size_t kReplayMemoryBytes = 64 << 20;
  // Of the batches of one message, unless a single one is larger.
  static constexpr size_t kMessageBytesMax = 160 << 10;

  // Starts; the stream lives until gRPC is done with it.
  static ReplayStream* Start(const RpcContext& context,
                             const grpc::ByteBuffer& request);

  explicit ReplayStream(const RpcContext& context);

  void BeginShutdown() override;

 private:
  // A message under construction.
  struct Draft {
    WireMessage message;
    size_t batch_bytes = 0;
    bool tells = false;  // worth sending without a batch
  };

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Checks the request and begins; an error ends the stream.
  absl::Status Begin(const grpc::ByteBuffer& request);
  void OnRange(absl::StatusOr<ReadRange> range);
  // Reads on, or waits at the end. Requires: busy_ is ours.
  void Continue();
  // Gives way to live appends first. A reader at the end is live itself.
  void ReadChunkInTurn();
  void OnTurn();
  void ReadChunkNow();
  void WaitAtEnd();
  void OnWaited(absl::StatusOr<Offset> end);
  void OnChunk(absl::StatusOr<ReadChunk> chunk);
  // Tells ReplayPace what was read in the turn, if it was one.
  void SettleTurn(size_t bytes);
  absl::Status DeliverChunk(const ReadChunk& chunk);
  absl::Status DeliverEntry(const storage::StoredEntry& entry, Draft* draft);

  // Completes a message and queues it.
  void Send(Draft draft, v1::ReplayProgress progress);
  // Adds the fields that say where the reader is, and queues the message.
  void Queue(WireMessage message, Offset next_offset)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends the stream when it waits at its stop time, which passes without a
  // batch. Looks again later otherwise.
  void ScheduleStopCheck(int64_t stop_time_us);
  void CheckStopTime(int64_t stop_time_us);
  void OnStopOffset(int64_t stop_time_us, absl::StatusOr<Offset> stop);
  void ScheduleHeartbeat(int64_t at_us);
  void OnHeartbeatTime();
  // busy_ ends; `status` (not OK) or `complete` ends the stream after what is
  // ready was written.
  void Idle(const absl::Status& status, bool complete);
  void EndWith(grpc::Status status, bool drop_ready);
  void Pump() {
    gate_.Run([this] { StartOperations(); });
  }
  void StartOperations();
  size_t ChunkBytes() const;

  const RpcContext context_;
  PumpGate gate_;
  grpc::ByteBuffer write_;  // while writing_

  // Set by Begin.
  FoundPartition partition_;
  std::shared_ptr<const ReadPlan> plan_;
  int64_t heartbeat_us_ = 0;

  // Of whoever is busy; under mutex_ while nobody is.
  std::optional<Delivery> delivery_;
  Offset until_;
  bool at_tail_ = false;
  std::optional<ReplayPace::Behind> behind_;  // while it goes on in turns
  std::optional<ReplayPace::Turn> turn_;      // of the chunk under way
  size_t chunk_bytes_ = kChunkBytesMin;       // of the one before

  Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = true;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);
  // Messages were dropped, so none that comes after them is sent.
  bool dropped_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<grpc::ByteBuffer> ready_ ABSL_GUARDED_BY(mutex_);
  size_t ready_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  // Waiting for its turn.
  std::optional<ReplayPace::Turn> paused_ ABSL_GUARDED_BY(mutex_);
  // Waiting at the end, and the token to cancel it once that is known.
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<uint64_t> wait_token_ ABSL_GUARDED_BY(mutex_);
  Offset wait_offset_ ABSL_GUARDED_BY(mutex_);  // while waiting_
  // Of the messages queued so far.
  bool told_topic_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t last_message_us_ ABSL_GUARDED_BY(mutex_) = 0;
  Offset resume_offset_ ABSL_GUARDED_BY(mutex_);
  Offset end_offset_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_REPLAY_STREAM_H_
