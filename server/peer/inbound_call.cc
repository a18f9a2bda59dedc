#include "server/peer/inbound_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/peer/call_budget.h"
#include "server/peer/call_status.h"
#include "server/peer/peer_limits.h"

namespace kappa::server {

std::shared_ptr<InboundCall> InboundCall::Begin(
    std::shared_ptr<PeerContext> context, grpc::ByteBuffer* response) {
  auto call = std::make_shared<InboundCall>(std::move(context), response);
  call->self_ = call;
  call->context_->live.Add();
  return call;
}

absl::Status InboundCall::Admit(size_t bytes, size_t blob_bytes) {
  if (!context_->serving.load(std::memory_order_acquire)) {
    return absl::UnavailableError(
        absl::StrCat("node ", context_->self.node.value(), " is starting"));
  }
  if (bytes - blob_bytes > kPeerCallBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "call: the request has ", bytes - blob_bytes,
        " bytes besides what it passes on, more than ", kPeerCallBytesMax));
  }
  return TakeCallBytes(blob_bytes, &context_->inbound_call_bytes, &permit_);
}

void InboundCall::Answer(const google::protobuf::MessageLite& response) {
  grpc::ByteBuffer bytes = ByteBufferOf(response);
  if (finished_.exchange(true)) return;
  response_->Swap(&bytes);
  Finish(grpc::Status::OK);
}

void InboundCall::Refuse(const absl::Status& error) {
  if (finished_.exchange(true)) return;
  Finish(ToCallStatus(error));
}

void InboundCall::OnCancel() {
  Refuse(absl::CancelledError("the caller is gone"));
}

void InboundCall::OnDone() {
  const std::shared_ptr<InboundCall> last = std::move(self_);
  const std::shared_ptr<PeerContext> context = context_;
  context->live.Remove();
}

}  // namespace kappa::server
