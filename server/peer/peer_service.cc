#include "server/peer/peer_service.h"

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "proto/wire/payload.h"
#include "proto/wire/wire_format.h"
#include "server/peer/hello.h"
#include "server/peer/inbound_call.h"
#include "server/peer/inbound_stream.h"
#include "server/rpc/byte_buffers.h"

namespace kappa::server {
namespace {

// Bytes of the fields `field` of the message; what is not well-formed counts as
// none.
size_t BlobBytesOf(const grpc::ByteBuffer& message, uint32_t field) {
  const Payload bytes = PayloadOf(message);
  PieceReader reader(bytes);
  size_t blob_bytes = 0;
  uint32_t tag;
  while (reader.remaining() > 0 && reader.ReadTag(&tag)) {
    Payload blob;
    if (tag != WireTag(field, WireType::kBytes)) {
      if (!reader.SkipField(tag)) break;
    } else if (reader.TakeBytes(&blob)) {
      blob_bytes += blob.bytes();
    } else {
      break;
    }
  }
  return blob_bytes;
}

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
PeerService::Connect(grpc::CallbackServerContext* call) {
  return InboundStream::Start(context_, call->peer());
}

grpc::ServerUnaryReactor* PeerService::Probe(grpc::CallbackServerContext*,
                                             const grpc::ByteBuffer* request,
                                             grpc::ByteBuffer* response) {
  return RunInboundCall<raft::v1::ProbeRequest, raft::v1::ProbeResponse>(
      context_, *request, 0, response,
      [](const raft::v1::ProbeRequest&) { return absl::OkStatus(); },
      context_->callbacks.probe);
}

grpc::ServerUnaryReactor* PeerService::Join(grpc::CallbackServerContext*,
                                            const grpc::ByteBuffer* request,
                                            grpc::ByteBuffer* response) {
  return RunInboundCall<raft::v1::JoinRequest, raft::v1::JoinResponse>(
      context_, *request, 0, response,
      [this](const raft::v1::JoinRequest& join) {
        return CheckVersion("join", join.self().node_id(),
                            join.protocol_version(), context_->self);
      },
      context_->callbacks.join);
}

grpc::ServerUnaryReactor* PeerService::Forward(grpc::CallbackServerContext*,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) {
  return RunInboundCall<raft::v1::ForwardRequest, raft::v1::ForwardResponse>(
      context_, *request,
      BlobBytesOf(*request, raft::v1::ForwardRequest::kRequestFieldNumber),
      response,
      [this](const raft::v1::ForwardRequest& forward) {
        return CheckCallHeader("forward", forward.header(), context_->self);
      },
      context_->callbacks.forward);
}

grpc::ServerUnaryReactor* PeerService::AskPartition(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunInboundCall<raft::v1::PartitionRequest,
                        raft::v1::PartitionResponse>(
      context_, *request, 0, response,
      [this](const raft::v1::PartitionRequest& ask) {
        return CheckCallHeader("ask partition", ask.header(), context_->self);
      },
      context_->callbacks.ask_partition);
}

}  // namespace kappa::server
