#include "server/rpc/maintenance_service.h"

#include <utility>

#include "server/rpc/unary_call.h"

namespace kappa::server {
grpc::ServerUnaryReactor* MaintenanceService::GetScrubStatus(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::GetScrubStatusRequest, v1::GetScrubStatusResponse>(
      UnaryCall(context, response, context_.stats), *request,
      [this](const v1::GetScrubStatusRequest&, auto done) {
        v1::GetScrubStatusResponse answer;
        *answer.mutable_status() = maintenance_->GetScrubStatus();
        done(std::move(answer));
      });
}

grpc::ServerUnaryReactor* MaintenanceService::StartScrub(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::StartScrubRequest, v1::StartScrubResponse>(
      UnaryCall(context, response, context_.stats), *request,
      [this](const v1::StartScrubRequest&, auto done) {
        v1::StartScrubResponse answer;
        answer.set_pass(maintenance_->StartScrub());
        done(std::move(answer));
      });
}

}  // namespace kappa::server
