#include "server/replica_placement.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "proto/wire/check.h"

namespace kappa::server {
namespace {

struct Candidate {
  NodeId node;
  size_t rack = 0;
  uint64_t replicas = 0;
  uint64_t leaders = 0;
  uint32_t leads_here = 0;  // of the partitions placed together
  bool chosen = false;      // for this partition
};

}  // namespace

void ReplicaPlacement::Add(const TopicSnapshot& topic) {
  for (uint32_t i = 0; i < topic.groups.size(); ++i) {
    const absl::Span<const ReplicaId> voters = topic.VotersOf(i);
    for (const ReplicaId& voter : voters) ++loads_[voter.node].replicas;
    if (!voters.empty()) ++loads_[voters.front().node].leaders;
  }
}

void ReplicaPlacement::Remove(const TopicSnapshot& topic) {
  for (uint32_t i = 0; i < topic.groups.size(); ++i) {
    const absl::Span<const ReplicaId> voters = topic.VotersOf(i);
    for (const ReplicaId& voter : voters) --loads_[voter.node].replicas;
    if (!voters.empty()) --loads_[voters.front().node].leaders;
  }
}

std::vector<NodeId> ReplicaPlacement::Choose(absl::Span<const NodeInfo> nodes,
                                             uint32_t replicas,
                                             uint32_t partitions) const {
  KAPPA_CHECK(replicas <= nodes.size(), "there is a node for each replica");
  std::map<std::string, size_t> racks;
  std::vector<Candidate> candidates;
  for (const NodeInfo& node : nodes) {
    Candidate& candidate = candidates.emplace_back();
    candidate.node = node.node;
    candidate.rack = racks.try_emplace(node.rack, racks.size()).first->second;
    const auto load = loads_.find(node.node);
    if (load == loads_.end()) continue;
    candidate.replicas = load->second.replicas;
    candidate.leaders = load->second.leaders;
  }
  std::vector<uint32_t> in_rack(racks.size());
  const auto better_member = [&](const Candidate& a, const Candidate& b) {
    return std::tuple(a.chosen, in_rack[a.rack], a.replicas, a.node) <
           std::tuple(b.chosen, in_rack[b.rack], b.replicas, b.node);
  };
  const auto better_leader = [](const Candidate& a, const Candidate& b) {
    return std::tuple(!a.chosen, a.leads_here, a.leaders, a.node) <
           std::tuple(!b.chosen, b.leads_here, b.leaders, b.node);
  };
  std::vector<NodeId> placed;
  placed.reserve(size_t{partitions} * replicas);
  for (uint32_t i = 0; i < partitions && replicas > 0; ++i) {
    std::fill(in_rack.begin(), in_rack.end(), 0);
    for (Candidate& candidate : candidates) candidate.chosen = false;
    const size_t first = placed.size();
    for (uint32_t k = 0; k < replicas; ++k) {
      Candidate& member = *std::min_element(candidates.begin(),
                                            candidates.end(), better_member);
      member.chosen = true;
      ++member.replicas;
      ++in_rack[member.rack];
      placed.push_back(member.node);
    }
    Candidate& leader =
        *std::min_element(candidates.begin(), candidates.end(), better_leader);
    ++leader.leads_here;
    ++leader.leaders;
    std::swap(placed[first],
              *std::find(placed.begin() + static_cast<std::ptrdiff_t>(first),
                         placed.end(), leader.node));
  }
  return placed;
}

}  // namespace kappa::server
