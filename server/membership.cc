#include "server/membership.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <utility>

#include "absl/types/span.h"
#include "raft/core.h"
#include "server/group_log.h"
#include "server/shard.h"

namespace kappa::server {
namespace {

constexpr size_t kMetadataVotersMax = 5;
// Changes begun by one shard at a time: each new replica is sent a whole log.
constexpr size_t kAtOnceMax = 4;

using Replicas = std::vector<ReplicaId>;
using Topics = std::vector<std::shared_ptr<const TopicSnapshot>>;

Replicas Sorted(absl::Span<const ReplicaId> replicas) {
  Replicas sorted(replicas.begin(), replicas.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

Replicas Without(const Replicas& a, const Replicas& b) {
  Replicas rest;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(),
                      std::back_inserter(rest));
  return rest;
}

Replicas Joined(const Replicas& a, const Replicas& b) {
  Replicas all;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(),
                 std::back_inserter(all));
  return all;
}

// `present` without the replicas whose node has a later one in `missing`: a
// node has one replica in a configuration, and the former one can do nothing
// any more.
Replicas WithoutFormer(const Replicas& present, const Replicas& missing) {
  Replicas rest = present;
  std::erase_if(rest, [&missing](const ReplicaId& former) {
    return std::any_of(missing.begin(), missing.end(),
                       [&former](const ReplicaId& next) {
                         return next.node == former.node && former < next;
                       });
  });
  return rest;
}

// Whether a learner that lives is on its way to vote.
bool IsCatchingUp(const raft::Core& core) {
  for (const raft::PeerStatus& peer : core.peers()) {
    const Replicas& promoting = core.configuration().promoting;
    if (peer.active && std::find(promoting.begin(), promoting.end(), peer.id) !=
                           promoting.end()) {
      return true;
    }
  }
  return false;
}

// See TakesVotersAway and HearsMajority. The rest of the present voters are
// heard, or the core does not lead for long.
bool CanCommit(const raft::ConfigurationChange& change, const GroupLog& log,
               const std::set<NodeId>& silent) {
  const raft::Core& core = log.core();
  return !TakesVotersAway(core.configuration(), change) ||
         HearsMajority(change.voters, log.self(), core.peers(),
                       core.quiescent(), silent);
}

bool AsWanted(const raft::Configuration& present,
              absl::Span<const ReplicaId> voters) {
  return !present.joint() && present.learners.empty() &&
         present.voters.size() == voters.size() &&
         std::is_permutation(voters.begin(), voters.end(),
                             present.voters.begin());
}

// Begins what is to be begun for the partitions of the topics that `shard`
// runs.
void BeginChanges(Shard* shard, const PartitionRouter& router,
                  const Topics& topics, const std::set<NodeId>& silent,
                  LookPace* pace) {
  size_t under_way = 0;
  for (const auto& topic : topics) {
    const uint32_t partitions = static_cast<uint32_t>(topic->groups.size());
    for (uint32_t i = 0; i < partitions && under_way < kAtOnceMax; ++i) {
      const GroupId group = topic->groups[i];
      if (router.ShardOf(group) != shard) continue;
      Partition* const partition = shard->FindAwake(group);
      if (partition == nullptr || !partition->leads()) continue;
      const raft::Configuration& present = partition->core().configuration();
      if (AsWanted(present, topic->VotersOf(i))) continue;
      pace->Found();
      if (present.joint() || IsCatchingUp(partition->core())) ++under_way;
      const auto change = NextChange(present, {Sorted(topic->VotersOf(i)), {}});
      if (!change.has_value()) continue;
      if (!CanCommit(*change, partition->log(), silent)) continue;
      // Refused while the change before it, or the first entry of this leader,
      // is not committed: the next time, then.
      if (!partition->ChangeConfiguration(*change).ok()) continue;
      shard->Touch(partition);
      ++under_way;
    }
  }
}

}  // namespace

std::optional<raft::ConfigurationChange> NextChange(
    const raft::Configuration& present, const Members& wanted) {
  if (present.joint()) return std::nullopt;
  raft::ConfigurationChange change;
  const Replicas missing = Without(wanted.voters, present.voters);
  if (missing.empty()) {
    change.voters = wanted.voters;
    change.learners = wanted.learners;
  } else {
    // Who is not wanted any more does not learn either, so a node that never
    // comes holds up nobody else.
    change.voters = WithoutFormer(present.voters, missing);
    change.learners = Joined(
        Without(present.learners, Without(present.learners, wanted.learners)),
        missing);
    change.promoting = missing;
  }
  if (present.voters == change.voters && present.learners == change.learners &&
      present.promoting == change.promoting) {
    return std::nullopt;
  }
  return change;
}

bool TakesVotersAway(const raft::Configuration& present,
                     const raft::ConfigurationChange& change) {
  const Replicas gone = Without(present.voters, change.voters);
  return WithoutFormer(gone, Joined(change.voters, change.learners)) !=
         Replicas();
}

bool HearsMajority(const std::vector<ReplicaId>& voters, ReplicaId self,
                   const std::vector<raft::PeerStatus>& peers, bool quiescent,
                   const std::set<NodeId>& silent) {
  const auto is_voter = [&voters](ReplicaId replica) {
    return std::find(voters.begin(), voters.end(), replica) != voters.end();
  };
  size_t heard = is_voter(self) ? 1 : 0;
  for (const raft::PeerStatus& peer : peers) {
    if (is_voter(peer.id) && (peer.active || quiescent) &&
        !silent.contains(peer.id.node)) {
      ++heard;
    }
  }
  return 2 * heard > voters.size();
}

Members MetadataMembers(std::vector<NodeInfo> nodes) {
  std::sort(
      nodes.begin(), nodes.end(),
      [](const NodeInfo& a, const NodeInfo& b) { return a.node < b.node; });
  Members members;
  for (const NodeInfo& node : nodes) {
    (members.voters.size() < kMetadataVotersMax ? members.voters
                                                : members.learners)
        .push_back({node.node, node.incarnation});
  }
  return members;
}

void Membership::Run(uint64_t changes, std::set<NodeId> silent_now) {
  const auto silent =
      std::make_shared<const std::set<NodeId>>(std::move(silent_now));
  if (pace_->IsTime(changes)) LookAtPartitions(silent);
  router_->shards()[0]->Post([metadata = metadata_, silent](Shard& shard) {
    // What is committed is applied then.
    if (!metadata->accepting()) return;
    const std::vector<NodeInfo>& nodes = metadata->state().nodes();
    if (nodes.empty()) return;  // the cluster is being formed
    const auto change =
        NextChange(metadata->configuration(), MetadataMembers(nodes));
    if (!change.has_value()) return;
    if (!CanCommit(*change, metadata->log(), *silent)) return;
    if (metadata->ChangeConfiguration(*change).ok()) shard.Touch(metadata);
  });
}

void Membership::LookAtPartitions(const SilentNodes& silent) {
  const auto topics = std::make_shared<const Topics>(
      topics_->List("", "", std::numeric_limits<size_t>::max()));
  for (Shard* const shard : router_->shards()) {
    shard->Post([topics, router = router_, silent, pace = pace_](Shard& shard) {
      BeginChanges(&shard, *router, *topics, *silent, pace.get());
    });
  }
}

}  // namespace kappa::server
