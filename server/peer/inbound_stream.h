// InboundStream: a stream that another node began.
//
//   hello ─> checked, judged, admitted ─> answer;  frames ─> deliver
#ifndef KAPPA_SERVER_PEER_INBOUND_STREAM_H_
#define KAPPA_SERVER_PEER_INBOUND_STREAM_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "proto/wire/mutex.h"
#include "server/peer/awaited_hellos.h"
#include "server/peer/frame_reader.h"
#include "server/peer/hearing.h"
#include "server/peer/peer_context.h"
#include "server/peer/receive_window.h"
#include "server/rpc/pump_gate.h"

namespace kappa::server {

// Frames are read one at a time, the next one when this one was delivered and
// the window is open.
//
// Thread safety: thread-safe.
class InboundStream final
    : public AwaitedHello,
      public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public HeardStream,
      public std::enable_shared_from_this<InboundStream> {
 public:
  // Starts; the stream keeps itself until gRPC is done with it. `from` is the
  // caller's network address, for the log.
  static InboundStream* Start(std::shared_ptr<PeerContext> context,
                              std::string from);

  InboundStream(std::shared_ptr<PeerContext> context, std::string from);

  void End(absl::Status status) override;
  void OnWindowOpen() override { Pump(); }
  void EndUnlessHeard() override;

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // The first message: on success the answer is on its way.
  absl::Status TakeHello();
  // Every further one.
  absl::Status TakeFrame();
  void LogRefusal(const absl::Status& why) const;
  void Pump() {
    gate_.Run([this] { StartOperations(); });
  }
  void StartOperations();

  const std::shared_ptr<PeerContext> context_;
  const std::string from_;
  std::shared_ptr<InboundStream> self_;  // until OnDone
  grpc::ByteBuffer read_;                // while reading_
  grpc::ByteBuffer write_;               // the answer
  PumpGate gate_;
  // Set by TakeHello, used by what reads.
  std::optional<Hearing::Caller> caller_;
  std::optional<FrameReader> reader_;
  std::shared_ptr<HeardCounters> counters_;

  Mutex mutex_;
  // The sender's; nullptr before the hello was accepted.
  std::shared_ptr<ReceiveWindow> window_ ABSL_GUARDED_BY(mutex_);
  // From StartRead until what was read is delivered.
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool answer_ready_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status end_ ABSL_GUARDED_BY(mutex_);  // once ended_
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_INBOUND_STREAM_H_
