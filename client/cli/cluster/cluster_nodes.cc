#include "client/cli/cluster/cluster_nodes.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "client/cpp/connect_failure.h"

namespace kappa::cli {
namespace {

using Answer = absl::StatusOr<v1::DescribeClusterResponse>;

// Asks all `addresses` at once.
std::vector<Answer> DescribeAt(client::Client* client,
                               const std::vector<std::string>& addresses) {
  std::vector<Answer> answers(addresses.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < addresses.size(); ++i) {
    threads.emplace_back([&, i] {
      answers[i] = ClusterNodes::AskNode(client, addresses[i],
                                         &ClusterCalls::DescribeCluster,
                                         v1::DescribeClusterRequest());
    });
  }
  for (std::thread& thread : threads) thread.join();
  return answers;
}

}  // namespace

absl::Status ClusterNodes::WhyNot(client::Client* client,
                                  const std::string& address,
                                  const absl::Status& status) {
  if (!absl::IsDeadlineExceeded(status) ||
      !client::ReasonNameOf(status).empty()) {
    return status;
  }
  const absl::Status connected =
      client::WhyNotConnected(client->ChannelTo(address));
  if (connected.ok()) {
    return absl::UnavailableError(
        absl::StrCat(address, " does not answer within ",
                     absl::FormatDuration(kNodeTimeout)));
  }
  return client::ConnectFailure({{address, connected}});
}

absl::StatusOr<ClusterNodes> ClusterNodes::Find(
    std::shared_ptr<client::Client> client) {
  ClusterNodes found(std::move(client));
  std::vector<absl::Status> refusals;
  found.AskSeeds(&refusals);
  if (found.nodes_.empty()) return refusals.front();
  found.AskNamed();
  std::sort(found.nodes_.begin(), found.nodes_.end(),
            [](const FoundNode& a, const FoundNode& b) {
              return a.node_id < b.node_id;
            });
  return found;
}

void ClusterNodes::AskSeeds(std::vector<absl::Status>* refusals) {
  const std::vector<std::string>& seeds = client_->seeds();
  std::vector<Answer> answers = DescribeAt(client_.get(), seeds);
  for (size_t i = 0; i < seeds.size(); ++i) {
    if (!answers[i].ok()) {
      refusals->push_back(answers[i].status());
    } else if (FindNode(answers[i]->node_id()) == nullptr) {
      nodes_.push_back({answers[i]->node_id(), seeds[i], answers[i]});
    }
  }
}

void ClusterNodes::AskNamed() {
  std::map<uint64_t, std::string> named;  // who has not answered as a seed
  for (const FoundNode& node : nodes_) {
    for (const v1::ClusterNodeStatus& other : node.answer->nodes()) {
      if (FindNode(other.node_id()) != nullptr) continue;
      std::string& address = named[other.node_id()];
      if (address.empty()) address = other.address();
    }
  }
  std::vector<std::string> addresses;
  for (const auto& [node, address] : named) {
    if (!address.empty()) addresses.push_back(address);
  }
  const std::vector<Answer> answers = DescribeAt(client_.get(), addresses);
  size_t next = 0;
  for (const auto& [node, address] : named) {
    nodes_.push_back({node, address,
                      address.empty() ? Answer(absl::UnavailableError(
                                            "its address is not known"))
                                      : answers[next++]});
  }
}

const FoundNode* ClusterNodes::FindNode(uint64_t node_id) const {
  const auto found = std::find_if(
      nodes_.begin(), nodes_.end(),
      [node_id](const FoundNode& node) { return node.node_id == node_id; });
  return found == nodes_.end() ? nullptr : &*found;
}

}  // namespace kappa::cli
