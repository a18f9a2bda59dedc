// LogService: kappa.v1.LogService over a Node. Each method is a few lines here
// and a class of its own beside it.
#ifndef KAPPA_SERVER_RPC_LOG_SERVICE_H_
#define KAPPA_SERVER_RPC_LOG_SERVICE_H_

#include "kappa/v1/log_service.grpc.pb.h"
#include "server/rpc/rpc_context.h"

namespace kappa::server {

// Raw bytes everywhere: payloads are not parsed, and see RunUnary.
using RawLogService = v1::LogService::WithRawCallbackMethod_Append<
    v1::LogService::WithRawCallbackMethod_AppendStream<
        v1::LogService::WithRawCallbackMethod_Read<
            v1::LogService::WithRawCallbackMethod_Replay<
                v1::LogService::WithRawCallbackMethod_GetOffsets<
                    v1::LogService::WithRawCallbackMethod_OpenProducer<
                        v1::LogService::WithRawCallbackMethod_GetProducer<
                            v1::LogService::Service>>>>>>>;

// Thread safety: thread-safe.
class LogService final : public RawLogService {
 public:
  explicit LogService(const RpcContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* Append(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* AppendStream(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Read(grpc::CallbackServerContext* context,
                                 const grpc::ByteBuffer* request,
                                 grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Replay(
      grpc::CallbackServerContext* context,
      const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* GetOffsets(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* OpenProducer(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetProducer(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;

 private:
  const RpcContext context_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_LOG_SERVICE_H_
