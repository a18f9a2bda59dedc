#include "server/replica_placement.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "absl/functional/function_ref.h"
#include "proto/wire/check.h"

namespace kappa::server {
namespace {

// Places the replicas of one partition after the other.
class Placer {
 public:
  struct Candidate {
    NodeId node;
    size_t rack = 0;
    uint64_t replicas = 0;
    uint64_t leaders = 0;
    uint32_t leads_here = 0;  // of the partitions placed together
    bool chosen = false;      // for this partition
  };

  // `load_of` fills in what the node holds by now.
  Placer(absl::Span<const NodeInfo> nodes, uint32_t replicas,
         absl::FunctionRef<void(Candidate*)> load_of)
      : replicas_(replicas) {
    KAPPA_CHECK(replicas <= nodes.size(), "there is a node for each replica");
    std::map<std::string, size_t> racks;
    for (const NodeInfo& node : nodes) {
      Candidate& candidate = candidates_.emplace_back();
      candidate.node = node.node;
      candidate.rack = racks.try_emplace(node.rack, racks.size()).first->second;
      load_of(&candidate);
    }
    in_rack_.resize(racks.size());
  }

  // `kept` are members already, and counted.
  void Place(absl::Span<const ReplicaId> kept) {
    std::fill(in_rack_.begin(), in_rack_.end(), 0);
    for (Candidate& candidate : candidates_) candidate.chosen = false;
    const auto first = static_cast<std::ptrdiff_t>(placed_.size());
    for (const ReplicaId& member : kept) {
      const auto found = std::find_if(
          candidates_.begin(), candidates_.end(),
          [&](const Candidate& c) { return c.node == member.node; });
      if (found == candidates_.end()) continue;
      if (placed_.size() - static_cast<size_t>(first) == replicas_) {
        --found->replicas;
      } else {
        Take(&*found);
      }
    }
    while (placed_.size() - static_cast<size_t>(first) < replicas_) {
      Candidate& member = *std::min_element(
          candidates_.begin(), candidates_.end(),
          [this](const Candidate& a, const Candidate& b) {
            return std::tuple(a.chosen, in_rack_[a.rack], a.replicas, a.node) <
                   std::tuple(b.chosen, in_rack_[b.rack], b.replicas, b.node);
          });
      ++member.replicas;
      Take(&member);
    }
    if (replicas_ > 0) PutLeaderFirst(first);
  }

  std::vector<NodeId> TakePlaced() { return std::move(placed_); }

 private:
  void Take(Candidate* member) {
    member->chosen = true;
    ++in_rack_[member->rack];
    placed_.push_back(member->node);
  }

  void PutLeaderFirst(std::ptrdiff_t first) {
    Candidate& leader = *std::min_element(
        candidates_.begin(), candidates_.end(),
        [](const Candidate& a, const Candidate& b) {
          return std::tuple(!a.chosen, a.leads_here, a.leaders, a.node) <
                 std::tuple(!b.chosen, b.leads_here, b.leaders, b.node);
        });
    ++leader.leads_here;
    ++leader.leaders;
    const auto begin = placed_.begin() + first;
    std::iter_swap(begin, std::find(begin, placed_.end(), leader.node));
  }

  const uint32_t replicas_;
  std::vector<Candidate> candidates_;
  std::vector<uint32_t> in_rack_;
  std::vector<NodeId> placed_;
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
  Placer placer(nodes, replicas, [this](Placer::Candidate* candidate) {
    const auto load = loads_.find(candidate->node);
    if (load == loads_.end()) return;
    candidate->replicas = load->second.replicas;
    candidate->leaders = load->second.leaders;
  });
  for (uint32_t i = 0; i < partitions; ++i) placer.Place({});
  return placer.TakePlaced();
}

std::vector<NodeId> ReplicaPlacement::ChooseAgain(
    absl::Span<const NodeInfo> nodes, uint32_t replicas,
    const TopicSnapshot& topic) const {
  std::map<NodeId, uint64_t> leads;
  for (uint32_t i = 0; i < topic.groups.size(); ++i) {
    const absl::Span<const ReplicaId> voters = topic.VotersOf(i);
    if (!voters.empty()) ++leads[voters.front().node];
  }
  Placer placer(nodes, replicas, [&](Placer::Candidate* candidate) {
    const auto load = loads_.find(candidate->node);
    if (load == loads_.end()) return;
    candidate->replicas = load->second.replicas;
    candidate->leaders = load->second.leaders - leads[candidate->node];
  });
  for (uint32_t i = 0; i < topic.groups.size(); ++i) {
    placer.Place(topic.VotersOf(i));
  }
  return placer.TakePlaced();
}

}  // namespace kappa::server
