// ClusterNodes: every node of the cluster that can be found, asked one by one.
#ifndef KAPPA_CLIENT_CLI_CLUSTER_CLUSTER_NODES_H_
#define KAPPA_CLIENT_CLI_CLUSTER_CLUSTER_NODES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "client/cpp/error.h"
#include "client/cpp/unary_call.h"
#include "grpcpp/client_context.h"
#include "kappa/v1/cluster_service.grpc.pb.h"

namespace kappa::cli {

using ClusterCalls = client::CallsOf<v1::ClusterService>;

// Waits for a connection, and for the answer, no longer than this.
inline constexpr absl::Duration kNodeTimeout = absl::Seconds(3);

// A node as it was found: by its own answer, or named by another one.
struct FoundNode {
  uint64_t node_id = 0;
  std::string address;  // for clients; empty: not known
  // What it says of the cluster, or why it does not.
  absl::StatusOr<v1::DescribeClusterResponse> answer;
};

// Thread safety: thread-safe.
class ClusterNodes {
 public:
  // Asks the seeds, and then whom they name.
  // Errors: UNAVAILABLE: none of the seeds answers; what a seed answered.
  static absl::StatusOr<ClusterNodes> Find(
      std::shared_ptr<client::Client> client);

  // By id. At least one has answered.
  const std::vector<FoundNode>& nodes() const { return nodes_; }
  const FoundNode* FindNode(uint64_t node_id) const;

  // Asks every node that has answered before, all at once; in their order.
  // The others give their former error.
  template <typename Request, typename Response>
  std::vector<absl::StatusOr<Response>> AskAll(
      client::UnaryMethod<v1::ClusterService, Request, Response> method,
      const Request& request) const {
    std::vector<absl::StatusOr<Response>> answers(nodes_.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (!nodes_[i].answer.ok()) {
        answers[i] = nodes_[i].answer.status();
        continue;
      }
      threads.emplace_back([&, i] {
        answers[i] = AskNode(client_.get(), nodes_[i].address, method, request);
      });
    }
    for (std::thread& thread : threads) thread.join();
    return answers;
  }

  template <typename Request, typename Response>
  static absl::StatusOr<Response> AskNode(
      client::Client* client, const std::string& address,
      client::UnaryMethod<v1::ClusterService, Request, Response> method,
      const Request& request) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(absl::ToChronoTime(absl::Now() + kNodeTimeout));
    Response response;
    const absl::Status status =
        client::StatusFromGrpc(client::CallUnary<v1::ClusterService>(
            client->ChannelTo(address), method, &context, request, &response));
    if (status.ok()) return response;
    return WhyNot(client, address, status);
  }

 private:
  explicit ClusterNodes(std::shared_ptr<client::Client> client)
      : client_(std::move(client)) {}

  // A passed deadline says less than why there is no connection.
  static absl::Status WhyNot(client::Client* client, const std::string& address,
                             const absl::Status& status);
  void AskSeeds(std::vector<absl::Status>* refusals);
  void AskNamed();

  std::shared_ptr<client::Client> client_;
  std::vector<FoundNode> nodes_;
};

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_CLUSTER_CLUSTER_NODES_H_
