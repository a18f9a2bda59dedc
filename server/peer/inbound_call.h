// InboundCall: a unary call of another node, until it is answered.
#ifndef KAPPA_SERVER_PEER_INBOUND_CALL_H_
#define KAPPA_SERVER_PEER_INBOUND_CALL_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/append_budget.h"
#include "server/peer/peer_context.h"
#include "server/rpc/byte_buffers.h"

namespace kappa::server {

// Ends when it is answered, when its caller goes away or waits no longer, and
// when the transport stops; an answer after that goes nowhere, so that stopping
// needs no answer of the owner.
//
// Thread safety: thread-safe.
class InboundCall final : public grpc::ServerUnaryReactor,
                          public std::enable_shared_from_this<InboundCall> {
 public:
  // Begins; the call keeps itself until gRPC is done with it, and counts the
  // bytes of its request until the last reference to it is gone.
  static std::shared_ptr<InboundCall> Begin(
      std::shared_ptr<PeerContext> context, grpc::ByteBuffer* response);

  InboundCall(std::shared_ptr<PeerContext> context, grpc::ByteBuffer* response)
      : context_(std::move(context)), response_(response) {}

  // What must hold before `bytes` are parsed as a request, of which
  // `blob_bytes` are a field of bytes that stays as it is.
  // Errors: UNAVAILABLE: this node is not there yet; INVALID_ARGUMENT: too
  // much; RESOURCE_EXHAUSTED: too much of all callers together (OVERLOADED).
  absl::Status Admit(size_t bytes, size_t blob_bytes);

  // The first of all of these ends the call.
  void Answer(const google::protobuf::MessageLite& response);
  void Refuse(const absl::Status& error);

 private:
  void OnCancel() override;
  void OnDone() override;

  const std::shared_ptr<PeerContext> context_;
  AppendBudget::Permit permit_;
  std::shared_ptr<InboundCall> self_;  // until OnDone
  // gRPC's; to be touched by whoever sets finished_, before Finish.
  grpc::ByteBuffer* const response_;
  std::atomic<bool> finished_{false};
};

// Runs `method(request, done)` once the request is admitted, parsed and found
// good by `check(request)`.
template <typename Request, typename Response, typename Check, typename Method>
grpc::ServerUnaryReactor* RunInboundCall(std::shared_ptr<PeerContext> context,
                                         const grpc::ByteBuffer& bytes,
                                         size_t blob_bytes,
                                         grpc::ByteBuffer* response,
                                         Check check, const Method& method) {
  auto call = InboundCall::Begin(std::move(context), response);
  grpc::ServerUnaryReactor* reactor = call.get();
  absl::Status good = call->Admit(bytes.Length(), blob_bytes);
  Request request;
  if (good.ok() && !ParseMessage(bytes, &request)) {
    good = absl::InvalidArgumentError("call: the request is not well-formed");
  }
  if (good.ok()) good = check(request);
  if (good.ok() && !method) {
    good = absl::UnimplementedError("call: this node does not serve it");
  }
  if (!good.ok()) {
    call->Refuse(good);
    return reactor;
  }
  method(std::move(request), [call](absl::StatusOr<Response> answer) {
    if (!answer.ok()) return call->Refuse(answer.status());
    call->Answer(*answer);
  });
  return reactor;
}

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_INBOUND_CALL_H_
