// GroupSurvey: what the groups of a node are like at one moment, for people.
#ifndef KAPPA_SERVER_GROUP_SURVEY_H_
#define KAPPA_SERVER_GROUP_SURVEY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/peer_status.h"
#include "server/shard.h"

namespace kappa::server {

// A group, as its replica here knows it.
struct GroupView {
  bool leads = false;
  bool quiescent = false;
  Term term;
  std::optional<NodeId> leader;
  LogIndex last;
  LogIndex committed;
  raft::Configuration configuration;
  std::vector<raft::PeerStatus> peers;  // of the others, where it leads
  // About the payload bytes of what is committed and a replica is not known to
  // have; of those that lack something, as far as known.
  std::map<ReplicaId, uint64_t> bytes_behind;
};

// By group; without those that sleep.
using GroupSurvey = absl::flat_hash_map<GroupId, GroupView>;

GroupView ViewOf(const ShardGroup& group);

// Looks at all groups, or at `groups` only, each on its shard. `done` is called
// once, on any thread. Errors (to `done`): Shard::Refusal.
void SurveyGroups(const std::vector<Shard*>& shards,
                  std::optional<std::vector<GroupId>> groups,
                  absl::AnyInvocable<void(absl::StatusOr<GroupSurvey>)> done);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_GROUP_SURVEY_H_
