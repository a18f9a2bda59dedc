// AppendStream: one AppendStream call to one node.
#ifndef KAPPA_CLIENT_CPP_APPEND_STREAM_H_
#define KAPPA_CLIENT_CPP_APPEND_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/client_callback.h"
#include "kappa/v1/log_service.pb.h"
#include "proto/wire/mutex.h"

namespace kappa::client {

// Sends raw messages one after another and hands the answers on. Once broken it
// stays broken; the owner opens another.
//
// Thread safety: thread-safe, except destruction. Must not be destroyed before
// OnStreamEnd was called, and not on a thread of gRPC: with it may go the last
// reference to a channel, whose destruction joins those threads.
class AppendStream final
    : public grpc::ClientBidiReactor<grpc::ByteBuffer,
                                     v1::AppendStreamResponse> {
 public:
  // Called on threads of gRPC, without locks held; OnStreamEnd comes last.
  class Listener {
   public:
    virtual ~Listener() = default;
    // `silence`: how long there was none while appends were waiting.
    virtual void OnAnswer(AppendStream* stream, absl::Duration silence,
                          const v1::AppendStreamResponse& answer) = 0;
    // The call is over; nothing more comes. `started` is the number of messages
    // that may have left: those with a ticket below it.
    virtual void OnStreamEnd(AppendStream* stream, uint64_t started,
                             const absl::Status& status) = 0;
  };

  // Opens the call. `listener` must live until OnStreamEnd was called.
  AppendStream(std::shared_ptr<grpc::Channel> channel, std::string address,
               Listener* listener);

  const std::string& address() const { return address_; }

  // Queues a message. Returns its ticket (how many came before it); nullopt
  // when the stream is broken or closed.
  std::optional<uint64_t> Write(grpc::ByteBuffer message);

  // Half-closes after what is queued; the server then ends the call.
  void Close();
  // Breaks the call at once.
  void Cancel() { context_.TryCancel(); }
  // The same; `cause` is what OnStreamEnd tells.
  void GiveUp(absl::Status cause);

  // Messages not answered yet.
  size_t unanswered();
  // How long there has been no answer; zero when none is awaited.
  absl::Duration Silence(absl::Time now);

 private:
  void OnWriteDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  void StartNextWrite() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // No write is started from outside of gRPC's calls any more.
  void StopWrites() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string address_;
  Listener* const listener_;
  grpc::ClientContext context_;
  grpc::TemplatedGenericStub<grpc::ByteBuffer, v1::AppendStreamResponse> stub_;
  // Filled by gRPC between StartRead and OnReadDone.
  v1::AppendStreamResponse answer_;

  Mutex mutex_;
  // Front: being written, if writing_.
  std::deque<grpc::ByteBuffer> queue_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t queued_total_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t started_total_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t answered_total_ ABSL_GUARDED_BY(mutex_) = 0;
  // Since when an answer is awaited, while one is.
  absl::Time silent_since_ ABSL_GUARDED_BY(mutex_);
  absl::Status given_up_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_APPEND_STREAM_H_
