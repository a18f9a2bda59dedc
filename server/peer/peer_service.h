// PeerService: kappa.raft.v1.PeerService. Each stream is an InboundStream, each
// unary call an InboundCall.
#ifndef KAPPA_SERVER_PEER_PEER_SERVICE_H_
#define KAPPA_SERVER_PEER_PEER_SERVICE_H_

#include <memory>
#include <utility>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "kappa/raft/v1/peer_service.grpc.pb.h"
#include "server/peer/peer_context.h"

namespace kappa::server {

// All methods take raw bytes: they are looked at before they are parsed.
using RawPeerService = raft::v1::PeerService::WithRawCallbackMethod_Connect<
    raft::v1::PeerService::WithRawCallbackMethod_Probe<
        raft::v1::PeerService::WithRawCallbackMethod_Join<
            raft::v1::PeerService::WithRawCallbackMethod_Forward<
                raft::v1::PeerService::WithRawCallbackMethod_AskPartition<
                    raft::v1::PeerService::Service>>>>>;

// Thread safety: thread-safe.
class PeerService final : public RawPeerService {
 public:
  explicit PeerService(std::shared_ptr<PeerContext> context)
      : context_(std::move(context)) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Connect(
      grpc::CallbackServerContext* call) override;
  grpc::ServerUnaryReactor* Probe(grpc::CallbackServerContext* call,
                                  const grpc::ByteBuffer* request,
                                  grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Join(grpc::CallbackServerContext* call,
                                 const grpc::ByteBuffer* request,
                                 grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Forward(grpc::CallbackServerContext* call,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* AskPartition(grpc::CallbackServerContext* call,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;

 private:
  const std::shared_ptr<PeerContext> context_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_PEER_SERVICE_H_
