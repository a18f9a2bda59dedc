#include "server/rpc/topic_service.h"

#include "server/rpc/run_method.h"

namespace kappa::server {

grpc::ServerUnaryReactor* TopicService::CreateTopic(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunMethod(context_, "/kappa.v1.TopicService/CreateTopic", context,
                   request, response);
}

grpc::ServerUnaryReactor* TopicService::GetTopic(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunMethod(context_, "/kappa.v1.TopicService/GetTopic", context,
                   request, response);
}

grpc::ServerUnaryReactor* TopicService::ListTopics(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunMethod(context_, "/kappa.v1.TopicService/ListTopics", context,
                   request, response);
}

grpc::ServerUnaryReactor* TopicService::UpdateTopic(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunMethod(context_, "/kappa.v1.TopicService/UpdateTopic", context,
                   request, response);
}

grpc::ServerUnaryReactor* TopicService::DeleteTopic(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunMethod(context_, "/kappa.v1.TopicService/DeleteTopic", context,
                   request, response);
}

grpc::ServerUnaryReactor* TopicService::AddPartitions(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunMethod(context_, "/kappa.v1.TopicService/AddPartitions", context,
                   request, response);
}

}  // namespace kappa::server
