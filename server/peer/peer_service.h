// PeerService: kappa.raft.v1.PeerService. Each stream is an InboundStream.
#ifndef KAPPA_SERVER_PEER_PEER_SERVICE_H_
#define KAPPA_SERVER_PEER_PEER_SERVICE_H_

#include <memory>
#include <utility>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "kappa/raft/v1/peer_service.grpc.pb.h"
#include "server/peer/inbound_stream.h"
#include "server/peer/peer_context.h"

namespace kappa::server {

// Thread safety: thread-safe.
class PeerService final
    : public raft::v1::PeerService::WithRawCallbackMethod_Connect<
          raft::v1::PeerService::Service> {
 public:
  explicit PeerService(std::shared_ptr<PeerContext> context)
      : context_(std::move(context)) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Connect(
      grpc::CallbackServerContext* call) override {
    return InboundStream::Start(context_, call->peer());
  }

 private:
  const std::shared_ptr<PeerContext> context_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_PEER_SERVICE_H_
