// Cluster: what must hold once nothing disturbs any more.
#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/membership.h"
#include "tests/simulation/nodes/cluster.h"
#include "tests/simulation/nodes/log_poller.h"

namespace kappa::node_simulation {
namespace {

using Topics = std::vector<std::shared_ptr<const server::TopicSnapshot>>;

Topics TopicsOf(SimulatedNode* node) {
  return node->node()->ListTopics("", "", std::numeric_limits<size_t>::max());
}

std::string HexOf(const Digest& digest) {
  return absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(digest.data()), digest.size()));
}

bool Same(const server::TopicSnapshot& a, const server::TopicSnapshot& b) {
  return a.uuid == b.uuid && a.groups == b.groups && a.voters == b.voters &&
         a.topic.SerializeAsString() == b.topic.SerializeAsString();
}

std::vector<ReplicaId> Sorted(absl::Span<const ReplicaId> ids) {
  std::vector<ReplicaId> sorted(ids.begin(), ids.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// Why the group is not where it shall be; "": it is.
std::string Wanting(const GroupLook* look, GroupId group,
                    const std::vector<ReplicaId>& voters,
                    std::optional<NodeId> leader) {
  const std::string name = absl::StrCat("group ", group.value());
  if (look == nullptr || !look->leader.has_value()) {
    return absl::StrCat(name, " has no leader");
  }
  if (look->configuration.joint() || look->configuration.voters != voters) {
    return absl::StrCat(name, " has ", look->configuration.voters.size(),
                        " voters, joint ", look->configuration.joint(),
                        ", not those ", voters.size(), " it shall have");
  }
  if (!look->caught_up) {
    return absl::StrCat(name, ": not all replicas hold what ",
                        look->leader->value(), " has");
  }
  if (leader.has_value() && *look->leader != *leader) {
    return absl::StrCat(name, " is led by ", look->leader->value(), ", not by ",
                        leader->value());
  }
  return "";
}

}  // namespace

std::string Cluster::Unsettled() {
  for (const auto& node : nodes_) {
    if (!node->up())
      return absl::StrCat("node ", node->id().value(), " is down");
  }
  if (adding_) return "a node has not joined";
  const auto groups = LookAtGroups(nodes_, &watch_);
  const auto find = [&groups](GroupId group) {
    const auto found = groups.find(group);
    return found == groups.end() ? nullptr : &found->second;
  };
  std::vector<server::NodeInfo> members;
  for (const auto& node : nodes_) members.push_back(node->self());
  std::string wanting =
      Wanting(find(GroupId(0)), GroupId(0),
              server::MetadataMembers(members).voters, std::nullopt);
  if (!wanting.empty()) return wanting;
  const Topics topics = TopicsOf(nodes_.front().get());
  for (const auto& node : nodes_) {
    const Topics others = TopicsOf(node.get());
    const bool same =
        std::equal(topics.begin(), topics.end(), others.begin(), others.end(),
                   [](const auto& a, const auto& b) { return Same(*a, *b); });
    if (!same) {
      return absl::StrCat("node ", node->id().value(), " knows other topics");
    }
  }
  for (const auto& topic : topics) {
    for (uint32_t i = 0; i < topic->groups.size(); ++i) {
      const absl::Span<const ReplicaId> voters = topic->VotersOf(i);
      wanting = Wanting(find(topic->groups[i]), topic->groups[i],
                        Sorted(voters), voters.front().node);
      if (!wanting.empty()) return wanting;
    }
  }
  return "";
}

void Cluster::CheckPlacement(const server::TopicSnapshot& topic) {
  std::map<NodeId, std::string> racks;
  for (const auto& node : nodes_) racks[node->id()] = node->self().rack;
  // Members stay where they are when there shall be fewer.
  const bool moved = admin_->moved().contains(topic.topic.name());
  for (uint32_t i = 0; i < topic.groups.size(); ++i) {
    std::set<NodeId> on;
    std::set<std::string> in;
    for (const ReplicaId& voter : topic.VotersOf(i)) {
      on.insert(voter.node);
      in.insert(racks[voter.node]);
    }
    if (!moved && in.size() < std::min(on.size(), world_->options.racks)) {
      world_->Fail(absl::StrCat(topic.topic.name(), "/", i, " is in ",
                                in.size(), " racks of ",
                                world_->options.racks));
    }
    if (on.size() != topic.VotersOf(i).size() ||
        on.size() != topic.topic.replicas()) {
      world_->Fail(absl::StrCat(topic.topic.name(), "/", i, " is on ",
                                on.size(), " nodes, not on ",
                                topic.topic.replicas()));
    }
  }
}

void Cluster::ReadEverything() {
  const Topics topics = TopicsOf(nodes_.front().get());
  std::set<std::string> names;
  for (const auto& topic : topics) {
    names.insert(topic->topic.name());
    CheckPlacement(*topic);
  }
  for (const auto& [name, partitions] : admin_->topics()) {
    if (names.contains(name)) continue;
    world_->Fail(absl::StrCat("topic ", name, " is gone"));
  }
  if (names.size() != admin_->topics().size()) {
    world_->Fail(absl::StrCat("there are topics that nobody made, of: ",
                              absl::StrJoin(names, " ")));
  }
  for (const Place& place : around_.places) {
    const auto topic = std::find_if(
        topics.begin(), topics.end(),
        [&](const auto& topic) { return topic->topic.name() == place.topic; });
    if (topic == topics.end()) continue;
    for (const ReplicaId& voter : (*topic)->VotersOf(place.partition)) {
      for (const auto& node : nodes_) {
        if (node->id() != voter.node) continue;
        ReadPartition(node.get(), place, (*topic)->groups[place.partition]);
      }
    }
  }
}

void Cluster::ReadPartition(SimulatedNode* node, const Place& place,
                            GroupId group) {
  const std::string at =
      absl::StrCat(place.name(), " at node ", node->id().value(), ": ");
  checker::Event event;
  event.type = checker::EventType::kFinal;
  event.node = absl::StrCat("n", node->id().value());
  event.partition = place.name();
  uint64_t position = 0;
  while (world_->breach.empty()) {
    Ask<server::ReadChunk> read;
    server::ReadCommand command;
    command.group = group;
    command.from = Offset(position);
    command.until = Offset(std::numeric_limits<uint64_t>::max());
    command.read_class = storage::ReadClass::kReplay;
    node->node()->Read(command, read.Begin(world_, *node, 10'000'000));
    std::optional<absl::StatusOr<server::ReadChunk>> chunk;
    while (!(chunk = read.Take()).has_value()) Step();
    if (!chunk->ok()) {
      return world_->Fail(absl::StrCat(at, chunk->status().ToString()));
    }
    event.batches = BatchesOf(**chunk);
    position = (*chunk)->next_offset.value();
    if (position >= (*chunk)->end_offset.value()) break;
    history_.Add(event);
  }
  Ask<server::PartitionEnd> end;
  node->node()->GetEnd(group, v1::CONSISTENCY_COMMITTED,
                       end.Begin(world_, *node, 10'000'000));
  std::optional<absl::StatusOr<server::PartitionEnd>> answer;
  while (!(answer = end.Take()).has_value()) Step();
  if (!answer->ok()) {
    return world_->Fail(absl::StrCat(at, answer->status().ToString()));
  }
  event.end = (*answer)->end_offset.value();
  event.chain = HexOf((*answer)->chain);
  history_.Add(event);
}

}  // namespace kappa::node_simulation
