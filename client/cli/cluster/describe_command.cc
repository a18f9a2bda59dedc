// kappa cluster describe
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/cluster/cluster_commands.h"
#include "client/cli/cluster/cluster_nodes.h"
#include "client/cli/cluster/cluster_text.h"
#include "client/cli/command.h"
#include "client/cli/text_table.h"
#include "client/cli/time_format.h"
#include "nlohmann/json.hpp"

namespace kappa::cli {
namespace {

using Json = nlohmann::ordered_json;

struct DescribeOptions {
  CommandContext* context = nullptr;
  std::string output;
  std::string topic;
};

// --- nodes ---

// Each node as it says itself, else as one of the others says.
std::vector<v1::ClusterNodeStatus> NodesOf(const ClusterNodes& cluster) {
  std::vector<v1::ClusterNodeStatus> rows;
  for (const FoundNode& node : cluster.nodes()) {
    v1::ClusterNodeStatus row;
    for (const FoundNode& teller : cluster.nodes()) {
      if (!teller.answer.ok()) continue;
      for (const v1::ClusterNodeStatus& told : teller.answer->nodes()) {
        if (told.node_id() != node.node_id) continue;
        if (teller.node_id == node.node_id ||
            told.last_heard_time_us() >= row.last_heard_time_us()) {
          row = told;
        }
      }
      if (teller.node_id == node.node_id) break;
    }
    if (row.address().empty()) row.set_address(node.address);
    rows.push_back(row);
  }
  return rows;
}

// The metadata group as the node with the latest term says.
v1::MetadataGroupStatus MetadataOf(const ClusterNodes& cluster) {
  v1::MetadataGroupStatus newest;
  for (const FoundNode& node : cluster.nodes()) {
    if (!node.answer.ok()) continue;
    const v1::MetadataGroupStatus& told = node.answer->metadata();
    if (told.term() > newest.term() ||
        (told.term() == newest.term() && newest.leader() == 0)) {
      newest = told;
    }
  }
  return newest;
}

const v1::DescribeClusterResponse& AnyAnswer(const ClusterNodes& cluster) {
  for (const FoundNode& node : cluster.nodes()) {
    if (node.answer.ok()) return *node.answer;
  }
  return v1::DescribeClusterResponse::default_instance();
}

std::string StateOf(const ClusterNodes& cluster, uint64_t node) {
  const FoundNode* const found = cluster.FindNode(node);
  return found != nullptr && found->answer.ok() ? "answers" : "silent";
}

Json ClusterJson(const ClusterNodes& cluster) {
  const v1::MetadataGroupStatus metadata = MetadataOf(cluster);
  Json nodes = Json::array();
  for (const v1::ClusterNodeStatus& node : NodesOf(cluster)) {
    nodes.push_back({{"node", node.node_id()},
                     {"state", StateOf(cluster, node.node_id())},
                     {"address", node.address()},
                     {"peer_address", node.peer_address()},
                     {"rack", node.rack()},
                     {"disk_id", absl::BytesToHexString(node.disk_id())},
                     {"last_heard_time", TimeText(node.last_heard_time_us())},
                     {"replicas", node.replicas()},
                     {"leads", node.leads()}});
  }
  return {
      {"cluster_id", absl::BytesToHexString(AnyAnswer(cluster).cluster_id())},
      {"metadata",
       {{"leader", metadata.leader()},
        {"term", metadata.term()},
        {"applied_index", metadata.applied_index()},
        {"voters", Numbers(metadata.voters())}}},
      {"nodes", std::move(nodes)}};
}

std::string ClusterTable(const ClusterNodes& cluster) {
  const v1::MetadataGroupStatus metadata = MetadataOf(cluster);
  std::string text = absl::StrCat(
      "Cluster ", absl::BytesToHexString(AnyAnswer(cluster).cluster_id()),
      "\nMetadata: ",
      metadata.leader() == 0 ? "no leader is known"
                             : absl::StrCat("led by node ", metadata.leader()),
      " in term ", metadata.term(), ", voters ",
      absl::StrJoin(metadata.voters(), ", "), "\n\n");
  TextTable table({{"NODE", TextTable::Align::kRight},
                   {.title = "STATE"},
                   {.title = "CLIENTS"},
                   {.title = "NODES"},
                   {.title = "RACK"},
                   {"REPLICAS", TextTable::Align::kRight},
                   {"LEADS", TextTable::Align::kRight},
                   {.title = "LAST_HEARD"}});
  for (const v1::ClusterNodeStatus& node : NodesOf(cluster)) {
    table.Add({absl::StrCat(node.node_id()), StateOf(cluster, node.node_id()),
               OrDash(node.address()), OrDash(node.peer_address()),
               OrDash(node.rack()), absl::StrCat(node.replicas()),
               absl::StrCat(node.leads()),
               TimeText(node.last_heard_time_us())});
  }
  return text + table.ToString();
}

// --- partitions ---

// All partitions of the topic, as the node that leads each says; without one,
// as any node says that knows more than the number.
absl::StatusOr<std::map<uint32_t, v1::PartitionStatus>> PartitionsOf(
    const ClusterNodes& cluster, const std::string& topic) {
  std::map<uint32_t, v1::PartitionStatus> partitions;
  v1::DescribePartitionsRequest request;
  request.set_topic(topic);
  request.set_page_size(1'000);
  absl::Status refused = absl::OkStatus();
  do {
    const auto answers =
        cluster.AskAll(&ClusterCalls::DescribePartitions, request);
    std::string next;
    for (size_t i = 0; i < answers.size(); ++i) {
      if (!answers[i].ok()) {
        if (cluster.nodes()[i].answer.ok()) refused = answers[i].status();
        continue;
      }
      next = answers[i]->next_page_token();
      for (const v1::PartitionStatus& told : answers[i]->partitions()) {
        v1::PartitionStatus& best = partitions[told.partition()];
        const bool first = best.group_id() == 0;
        if (first || told.replicas_size() > best.replicas_size() ||
            (told.replicas_size() == best.replicas_size() &&
             told.term() > best.term())) {
          best = told;
        }
      }
    }
    request.set_page_token(next);
  } while (!request.page_token().empty());
  if (partitions.empty()) return refused;
  return partitions;
}

std::string BehindText(const v1::PartitionStatus& partition) {
  std::vector<std::string> parts;
  for (const v1::ReplicaStatus& replica : partition.replicas()) {
    if (replica.entries_behind() == 0) continue;
    parts.push_back(absl::StrCat("node ", replica.node_id(), ": ",
                                 replica.entries_behind(), " (",
                                 ActivityText(replica.activity()), ")"));
  }
  return absl::StrJoin(parts, ", ");
}

Json PartitionsJson(const std::string& topic,
                    const std::map<uint32_t, v1::PartitionStatus>& partitions) {
  Json list = Json::array();
  for (const auto& [number, partition] : partitions) {
    Json replicas = Json::array();
    for (const v1::ReplicaStatus& replica : partition.replicas()) {
      replicas.push_back({{"node", replica.node_id()},
                          {"last_index", replica.last_index()},
                          {"entries_behind", replica.entries_behind()},
                          {"bytes_behind", replica.bytes_behind()},
                          {"activity", ActivityText(replica.activity())}});
    }
    list.push_back({{"partition", number},
                    {"group_id", partition.group_id()},
                    {"leader", partition.leader()},
                    {"preferred_leader", partition.preferred_leader()},
                    {"term", partition.term()},
                    {"voters", Numbers(partition.voters())},
                    {"learners", Numbers(partition.learners())},
                    {"committed_index", partition.committed_index()},
                    {"replicas", std::move(replicas)}});
  }
  return {{"topic", topic}, {"partitions", std::move(list)}};
}

std::string PartitionsTable(
    const std::map<uint32_t, v1::PartitionStatus>& partitions) {
  TextTable table({{"PARTITION", TextTable::Align::kRight},
                   {"LEADER", TextTable::Align::kRight},
                   {"PREFERRED", TextTable::Align::kRight},
                   {.title = "VOTERS"},
                   {.title = "LEARNERS"},
                   {"TERM", TextTable::Align::kRight},
                   {"COMMITTED", TextTable::Align::kRight},
                   {.title = "BEHIND"}});
  const auto or_dash = [](uint64_t number) {
    return number == 0 ? "-" : absl::StrCat(number);
  };
  for (const auto& [number, partition] : partitions) {
    table.Add({absl::StrCat(number), or_dash(partition.leader()),
               or_dash(partition.preferred_leader()),
               OrDash(absl::StrJoin(partition.voters(), ",")),
               OrDash(absl::StrJoin(partition.learners(), ",")),
               or_dash(partition.term()), or_dash(partition.committed_index()),
               OrDash(BehindText(partition))});
  }
  return table.ToString();
}

absl::Status RunDescribe(const DescribeOptions& options) {
  auto client = options.context->Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<ClusterNodes> cluster =
      ClusterNodes::Find(*std::move(client));
  if (!cluster.ok()) return cluster.status();
  if (options.topic.empty()) {
    Print(options.output == "json" ? ClusterJson(*cluster).dump(2) + "\n"
                                   : ClusterTable(*cluster));
    return absl::OkStatus();
  }
  const auto partitions = PartitionsOf(*cluster, options.topic);
  if (!partitions.ok()) return partitions.status();
  Print(options.output == "json"
            ? PartitionsJson(options.topic, *partitions).dump(2) + "\n"
            : PartitionsTable(*partitions));
  return absl::OkStatus();
}

}  // namespace

void AddClusterDescribe(CLI::App* cluster, CommandContext* context) {
  const auto options = std::make_shared<DescribeOptions>();
  options->context = context;
  CLI::App* command =
      AddCommand(cluster, context, "describe",
                 "Show the nodes, or the partitions of a topic: who leads, who "
                 "votes, who is behind",
                 [options] { return RunDescribe(*options); });
  command->add_option("--topic", options->topic,
                      "Show the partitions of this topic");
  AddOutputOption(command, &options->output);
  command->footer(
      "Every node is asked; what it says of itself counts.\n"
      "Examples:\n"
      "  kappa cluster describe\n"
      "  kappa cluster describe --topic orders\n"
      "  kappa cluster describe -o json | jq '.nodes[] | "
      "select(.state != \"answers\")'");
}

}  // namespace kappa::cli
