#include "client/cli/local/node_probe.h"

#include <utility>

#include "absl/time/clock.h"
#include "client/cli/exit_code.h"
#include "client/cpp/connect_failure.h"
#include "client/cpp/error.h"
#include "client/cpp/unary_call.h"
#include "grpcpp/client_context.h"
#include "kappa/v1/cluster_service.grpc.pb.h"

namespace kappa::cli {

absl::StatusOr<NodeProbe> NodeProbe::Make(
    const std::string& address, std::optional<client::TlsOptions> tls) {
  absl::StatusOr<std::shared_ptr<client::Client>> client =
      client::Client::Create({.seeds = address, .tls = std::move(tls)});
  if (!client.ok()) return UsageError(std::string(client.status().message()));
  return NodeProbe(*std::move(client));
}

absl::StatusOr<v1::DescribeClusterResponse> NodeProbe::Ask(
    absl::Duration timeout) const {
  const std::shared_ptr<grpc::Channel> channel =
      client_->ChannelTo(client_->SeedAddress());
  grpc::ClientContext context;
  // For the connection, too, as long as the call may take.
  context.set_wait_for_ready(true);
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  v1::DescribeClusterResponse response;
  const absl::Status answer =
      client::StatusFromGrpc(client::CallUnary<v1::ClusterService>(
          channel, &client::CallsOf<v1::ClusterService>::DescribeCluster,
          &context, v1::DescribeClusterRequest(), &response));
  if (answer.ok() && response.cluster_id().empty()) {
    return absl::UnavailableError("it has no cluster yet");
  }
  if (answer.ok()) return response;
  if (!absl::IsDeadlineExceeded(answer)) return answer;
  const absl::Status connected = client::WhyNotConnected(channel);
  return connected.ok() ? answer : connected;
}

}  // namespace kappa::cli
