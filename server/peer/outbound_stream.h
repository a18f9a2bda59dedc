// OutboundStream: a stream that this node began, on a connection of its own.
//
//   hello ─> answer ─> frames: whatever waits in the link's queue, as one
#ifndef KAPPA_SERVER_PEER_OUTBOUND_STREAM_H_
#define KAPPA_SERVER_PEER_OUTBOUND_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/client_callback.h"
#include "proto/wire/mutex.h"
#include "server/peer/frame_writer.h"
#include "server/peer/peer_context.h"
#include "server/peer/peer_link.h"
#include "server/peer/peer_stream.h"
#include "server/rpc/pump_gate.h"

namespace kappa::server {

// One frame is with gRPC at a time; meanwhile messages wait in the bounded
// queue and make up the next one.
//
// Thread safety: thread-safe.
class OutboundStream final
    : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public PeerStream,
      public std::enable_shared_from_this<OutboundStream> {
 public:
  // Begins; the stream keeps itself until OnDone, and the link as long. Then
  // it is among the retired ones of `context`.
  static std::shared_ptr<PeerStream> Start(std::shared_ptr<PeerContext> context,
                                           const std::string& address,
                                           std::shared_ptr<PeerLink> link,
                                           uint64_t attempt,
                                           int64_t connect_timeout_us);

  OutboundStream(std::shared_ptr<PeerContext> context,
                 std::shared_ptr<PeerLink> link, uint64_t attempt);

  void Pump() override;
  int64_t Beat(int64_t quiet_since_us) override;
  void Cancel(absl::Status reason) override;

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  // Reads the answer to the hello.
  absl::Status TakeAnswer();
  void StartOperations();
  // Puts what waits into batch_. Returns whether there is a frame to send.
  bool TakeFrame() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::shared_ptr<PeerContext> peer_context_;
  const std::shared_ptr<PeerLink> link_;
  const uint64_t attempt_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::GenericStub> stub_;
  grpc::ClientContext context_;
  std::shared_ptr<OutboundStream> self_;  // until OnDone
  grpc::ByteBuffer read_;                 // while reading_
  grpc::ByteBuffer write_;                // while writing_
  PumpGate gate_;
  // Behind the gate.
  FrameWriter writer_;
  std::vector<PeerMessage> batch_;

  Mutex mutex_;
  bool hello_sent_ ABSL_GUARDED_BY(mutex_) = false;
  bool connected_ ABSL_GUARDED_BY(mutex_) = false;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  // Nothing is started any more, but what is under way has to end.
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
  bool beat_wanted_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t last_sent_us_ ABSL_GUARDED_BY(mutex_) = 0;
  // Why this end gave up; OK while it did not.
  absl::Status reason_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_OUTBOUND_STREAM_H_
