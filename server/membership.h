// Membership: moves groups to the members that metadata wants them to have.
#ifndef KAPPA_SERVER_MEMBERSHIP_H_
#define KAPPA_SERVER_MEMBERSHIP_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/configuration_change.h"
#include "raft/peer_status.h"
#include "server/look_pace.h"
#include "server/metadata_group.h"
#include "server/node_directory.h"
#include "server/partition_router.h"
#include "server/topic_map.h"

namespace kappa::server {

// Who shall belong to a group; both lists sorted.
struct Members {
  std::vector<ReplicaId> voters;
  std::vector<ReplicaId> learners;
};

// The next step from `present` to `wanted`: whoever is new learns first, and
// votes once it has caught up; who shall not vote any more goes after that, but
// at once where the next incarnation of the same node comes for it. nullopt:
// there is nothing to do, or a step is under way.
std::optional<raft::ConfigurationChange> NextChange(
    const raft::Configuration& present, const Members& wanted);

// Whether `change` takes a vote from a replica that may have it still: not from
// one that can do nothing any more, since the next incarnation of its node is
// there.
bool TakesVotersAway(const raft::Configuration& present,
                     const raft::ConfigurationChange& change);

// Whether a leader hears a majority of `voters`, itself included where it is
// one of them: else a change to them would not be committed, and nothing after
// it. `peers`: what it knows of the others; in a group that is `quiescent`
// nobody says anything, so everybody counts whose node is not `silent`.
bool HearsMajority(const std::vector<ReplicaId>& voters, ReplicaId self,
                   const std::vector<raft::PeerStatus>& peers, bool quiescent,
                   const std::set<NodeId>& silent);

// The metadata group of a cluster of `nodes`: the five lowest ids vote, the
// others learn.
Members MetadataMembers(std::vector<NodeInfo> nodes);

// Thread safety: thread-compatible.
class Membership {
 public:
  // Everything outlives this; `metadata` is used on the first shard only.
  Membership(const TopicMap* topics, const PartitionRouter* router,
             MetadataGroup* metadata)
      : topics_(topics), router_(router), metadata_(metadata) {}

  // Has the shards begin the next step of every group that this node leads and
  // that has other members than it shall have. A step waits while it could not
  // be committed with the nodes that are heard. To be called once a second;
  // `changes`: see LookPace::IsTime; `silent`: which nodes are not heard.
  void Run(uint64_t changes, std::set<NodeId> silent);

 private:
  using SilentNodes = std::shared_ptr<const std::set<NodeId>>;

  void LookAtPartitions(const SilentNodes& silent);

  const TopicMap* const topics_;
  const PartitionRouter* const router_;
  MetadataGroup* const metadata_;
  const std::shared_ptr<LookPace> pace_ = std::make_shared<LookPace>();
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_MEMBERSHIP_H_
