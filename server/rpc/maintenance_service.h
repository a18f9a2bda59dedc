// MaintenanceService: kappa.v1.MaintenanceService over a node's Maintenance.
#ifndef KAPPA_SERVER_RPC_MAINTENANCE_SERVICE_H_
#define KAPPA_SERVER_RPC_MAINTENANCE_SERVICE_H_

#include "kappa/v1/maintenance_service.grpc.pb.h"
#include "server/maintenance.h"
#include "server/rpc/rpc_context.h"

namespace kappa::server {

// Raw bytes everywhere: see RunUnary.
using RawMaintenanceService =
    v1::MaintenanceService::WithRawCallbackMethod_GetScrubStatus<
        v1::MaintenanceService::WithRawCallbackMethod_StartScrub<
            v1::MaintenanceService::Service>>;

// Thread safety: thread-safe.
class MaintenanceService final : public RawMaintenanceService {
 public:
  // `maintenance` must outlive the service.
  MaintenanceService(const RpcContext& context, Maintenance* maintenance)
      : context_(context), maintenance_(maintenance) {}

  grpc::ServerUnaryReactor* GetScrubStatus(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* StartScrub(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;

 private:
  const RpcContext context_;
  Maintenance* const maintenance_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_MAINTENANCE_SERVICE_H_
