// TopicService: kappa.v1.TopicService over a Node.
#ifndef KAPPA_SERVER_RPC_TOPIC_SERVICE_H_
#define KAPPA_SERVER_RPC_TOPIC_SERVICE_H_

#include "kappa/v1/topic_service.grpc.pb.h"
#include "server/rpc/rpc_context.h"

namespace kappa::server {

// Raw bytes everywhere: see RunUnary.
using RawTopicService = v1::TopicService::WithRawCallbackMethod_CreateTopic<
    v1::TopicService::WithRawCallbackMethod_GetTopic<
        v1::TopicService::WithRawCallbackMethod_ListTopics<
            v1::TopicService::WithRawCallbackMethod_UpdateTopic<
                v1::TopicService::WithRawCallbackMethod_DeleteTopic<
                    v1::TopicService::WithRawCallbackMethod_AddPartitions<
                        v1::TopicService::Service>>>>>>;

// Thread safety: thread-safe.
class TopicService final : public RawTopicService {
 public:
  explicit TopicService(const RpcContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* CreateTopic(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetTopic(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListTopics(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* UpdateTopic(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeleteTopic(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* AddPartitions(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;

 private:
  const RpcContext context_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_TOPIC_SERVICE_H_
