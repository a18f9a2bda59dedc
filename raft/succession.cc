#include "raft/succession.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace kappa::raft {
namespace {

bool Eligible(const Successor& peer) {
  return peer.status.voter && peer.status.active && !peer.status.full &&
         peer.fit;
}

auto Rank(const Successor& peer) {
  return std::tuple(peer.heard_lately, peer.status.match, peer.priority);
}

}  // namespace

std::optional<ReplicaId> BestSuccessor(const std::vector<Successor>& peers) {
  const Successor* best = nullptr;
  for (const Successor& peer : peers) {
    if (!Eligible(peer)) continue;
    if (best == nullptr || Rank(peer) > Rank(*best)) best = &peer;
  }
  if (best == nullptr) return std::nullopt;
  return best->status.id;
}

bool AnyVoterActive(const std::vector<Successor>& peers) {
  return std::any_of(peers.begin(), peers.end(), [](const Successor& peer) {
    return peer.status.voter && peer.status.active;
  });
}

std::optional<ReplicaId> PriorityWatch::Beat(
    const std::vector<Successor>& peers, uint8_t own_priority,
    LogIndex committed, uint64_t now, uint32_t election_ticks) {
  std::vector<KeepsUp> watched;
  const Successor* best = nullptr;
  for (const Successor& peer : peers) {
    if (peer.priority <= own_priority || !Eligible(peer) ||
        peer.status.match < committed_before_) {
      continue;
    }
    auto before = std::find_if(
        watched_.begin(), watched_.end(),
        [&](const KeepsUp& k) { return k.replica == peer.status.id; });
    const uint64_t since = before == watched_.end() ? now : before->since;
    watched.push_back(KeepsUp{peer.status.id, since});
    if (now - since >= election_ticks &&
        (best == nullptr || peer.priority > best->priority)) {
      best = &peer;
    }
  }
  watched_ = std::move(watched);
  committed_before_ = committed;
  if (best == nullptr) return std::nullopt;
  watched_.clear();
  return best->status.id;
}

}  // namespace kappa::raft
