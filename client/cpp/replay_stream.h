// ReplayStream: one Replay call to one node, read ahead into a bounded queue.
#ifndef KAPPA_CLIENT_CPP_REPLAY_STREAM_H_
#define KAPPA_CLIENT_CPP_REPLAY_STREAM_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cpp/ready_signal.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/client_callback.h"
#include "kappa/v1/log_service.pb.h"
#include "proto/wire/mutex.h"

namespace kappa::client {

// Receives raw messages while fewer than `read_ahead_bytes` wait.
//
// Thread safety: thread-safe; one thread pops.
class ReplayStream final
    : public grpc::ClientBidiReactor<v1::ReplayRequest, grpc::ByteBuffer> {
 public:
  // Opens the call. `ready` is notified of every message and of the end, and
  // must outlive the object.
  ReplayStream(std::shared_ptr<grpc::Channel> channel, std::string address,
               v1::ReplayRequest request, size_t read_ahead_bytes,
               ReadySignal* ready);
  // Cancels the call and waits for its end.
  ~ReplayStream() override;

  const std::string& address() const { return address_; }

  // The next message, if one waits.
  std::optional<grpc::ByteBuffer> Pop();
  // The call's outcome once it is over and every message was popped.
  std::optional<absl::Status> End();
  // When the last message came or was popped; at first, when the call began.
  absl::Time last_activity();

 private:
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  const std::string address_;
  const size_t read_ahead_bytes_;
  ReadySignal& ready_;
  const v1::ReplayRequest request_;
  grpc::ClientContext context_;
  grpc::TemplatedGenericStub<v1::ReplayRequest, grpc::ByteBuffer> stub_;
  // Filled by gRPC between StartRead and OnReadDone.
  grpc::ByteBuffer incoming_;

  Mutex mutex_;
  CondVar done_changed_;
  std::deque<grpc::ByteBuffer> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  // No read is on its way because the queue is full; a hold keeps the call.
  bool paused_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time last_activity_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_REPLAY_STREAM_H_
