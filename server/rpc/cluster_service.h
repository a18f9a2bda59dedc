// ClusterService: kappa.v1.ClusterService over a node's ClusterStatus.
#ifndef KAPPA_SERVER_RPC_CLUSTER_SERVICE_H_
#define KAPPA_SERVER_RPC_CLUSTER_SERVICE_H_

#include "kappa/v1/cluster_service.grpc.pb.h"
#include "server/cluster_status.h"
#include "server/rpc/rpc_context.h"

namespace kappa::server {

// Raw bytes everywhere: see UnaryMethods.
using RawClusterService =
    v1::ClusterService::WithRawCallbackMethod_DescribeCluster<
        v1::ClusterService::WithRawCallbackMethod_DescribePartitions<
            v1::ClusterService::WithRawCallbackMethod_GetHealth<
                v1::ClusterService::WithRawCallbackMethod_TransferLeadership<
                    v1::ClusterService::WithRawCallbackMethod_WatchCluster<
                        v1::ClusterService::Service>>>>>;

// Thread safety: thread-safe.
class ClusterService final : public RawClusterService {
 public:
  // `status` must outlive the service; context.methods has the methods of
  // AddClusterMethods.
  ClusterService(const RpcContext& context, ClusterStatus* status)
      : context_(context), status_(status) {}

  grpc::ServerUnaryReactor* DescribeCluster(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DescribePartitions(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetHealth(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* TransferLeadership(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchCluster(
      grpc::CallbackServerContext* context,
      const grpc::ByteBuffer* request) override;

 private:
  const RpcContext context_;
  ClusterStatus* const status_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_CLUSTER_SERVICE_H_
