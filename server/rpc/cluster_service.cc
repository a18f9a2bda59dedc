#include "server/rpc/cluster_service.h"

#include "server/rpc/run_method.h"
#include "server/rpc/watch_stream.h"

namespace kappa::server {

grpc::ServerUnaryReactor* ClusterService::DescribeCluster(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunMethod(context_, "/kappa.v1.ClusterService/DescribeCluster",
                   context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::DescribePartitions(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunMethod(context_, "/kappa.v1.ClusterService/DescribePartitions",
                   context, request, response);
}

grpc::ServerUnaryReactor* ClusterService::GetHealth(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunMethod(context_, "/kappa.v1.ClusterService/GetHealth", context,
                   request, response);
}

grpc::ServerUnaryReactor* ClusterService::TransferLeadership(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunMethod(context_, "/kappa.v1.ClusterService/TransferLeadership",
                   context, request, response);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* ClusterService::WatchCluster(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* request) {
  return WatchStream::Start(context_, status_, *request);
}

}  // namespace kappa::server
