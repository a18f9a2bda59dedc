#include "server/rpc/log_service.h"

#include "server/rpc/append_stream.h"
#include "server/rpc/replay_stream.h"
#include "server/rpc/run_method.h"

namespace kappa::server {

grpc::ServerUnaryReactor* LogService::Append(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunMethod(context_, "/kappa.v1.LogService/Append", context, request,
                   response);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
LogService::AppendStream(grpc::CallbackServerContext*) {
  return server::AppendStream::Start(context_);
}

grpc::ServerUnaryReactor* LogService::Read(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) {
  return RunMethod(context_, "/kappa.v1.LogService/Read", context, request,
                   response);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* LogService::Replay(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* request) {
  return ReplayStream::Start(context_, *request);
}

grpc::ServerUnaryReactor* LogService::GetOffsets(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunMethod(context_, "/kappa.v1.LogService/GetOffsets", context,
                   request, response);
}

grpc::ServerUnaryReactor* LogService::OpenProducer(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunMethod(context_, "/kappa.v1.LogService/OpenProducer", context,
                   request, response);
}

grpc::ServerUnaryReactor* LogService::GetProducer(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunMethod(context_, "/kappa.v1.LogService/GetProducer", context,
                   request, response);
}

}  // namespace kappa::server
