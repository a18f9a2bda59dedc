#include "tests/raft/scenarios/runner/convergence.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/raft/scenarios/runner/notation.h"

namespace kappa::raft {
namespace {

constexpr uint64_t kElectionTimesMax = 20;
// Ids of the runner's own reads, above those of any scenario.
constexpr uint64_t kFirstReadId = 1'000'000;

std::set<ReplicaId> MembersOf(const Configuration& configuration) {
  std::set<ReplicaId> members(configuration.voters.begin(),
                              configuration.voters.end());
  members.insert(configuration.outgoing_voters.begin(),
                 configuration.outgoing_voters.end());
  members.insert(configuration.learners.begin(), configuration.learners.end());
  return members;
}

bool Reaches(const ScriptedCluster& cluster, ReplicaId a, ReplicaId b) {
  return !cluster.network().IsCut(a.node, b.node) &&
         !cluster.network().IsCut(b.node, a.node);
}

// What keeps a leader's group from being at rest, or "".
std::string LeaderUnrest(const Core& leader) {
  if (leader.committed() != leader.last().index) return "something uncommitted";
  if (leader.transferring()) return "a transfer";
  if (leader.configuration().joint() && leader.configuration().auto_leave) {
    return "a joint configuration";
  }
  if (!leader.configuration().promoting.empty()) return "a promotion";
  return "";
}

// What one member lacks, or "".
std::string Lag(const Core& leader, const ScriptedReplica* member) {
  if (member == nullptr || !member->core) return "down";
  const Core& core = *member->core;
  if (core.halted()) return "halted";
  if (core.term() != leader.term()) return "another term";
  if (&core != &leader && core.role() == Role::kLeader) return "leads too";
  if (core.last() != leader.last()) return "another last entry";
  if (core.committed() != leader.committed()) return "another commit index";
  if (core.durable() != core.last().index) return "something not durable";
  if (!core.damaged().empty()) return "a damaged entry";
  return "";
}

// What is missing, or "".
std::string Missing(const ScriptedCluster& cluster,
                    const std::set<ReplicaId>& without) {
  const std::optional<ReplicaId> id = cluster.Leader();
  if (!id) return "no leader";
  const Core& leader = *cluster.Find(*id)->core;
  const std::string unrest = LeaderUnrest(leader);
  if (!unrest.empty())
    return absl::StrCat("leader ", Format(*id), ": ", unrest);
  for (ReplicaId member : MembersOf(leader.configuration())) {
    if (without.contains(member)) continue;
    const std::string lag = Lag(leader, cluster.Find(member));
    if (!lag.empty()) return absl::StrCat(Format(member), ": ", lag);
  }
  return "";
}

void EndFaults(ScriptedCluster& cluster) {
  cluster.network().Heal();
  cluster.network().ReleaseAll();
  for (ReplicaId id : cluster.All()) {
    const ScriptedReplica& replica = *cluster.Find(id);
    if (!replica.core && !replica.destroyed) cluster.Restart(id);
    if (replica.core && !replica.core->halted()) cluster.FreeDisk(id);
  }
  cluster.EndTold();
}

// Whether the leader commits an entry and confirms a read within an election
// time.
absl::Status CommitOneMore(ScriptedCluster& cluster) {
  const ReplicaId id = *cluster.Leader();
  const uint64_t ticks = cluster.OptionsOf(id).election_ticks;
  const EntryHandle handle = cluster.labels().HandleOf("converged");
  const absl::StatusOr<EntryId> entry = cluster.Apply(id, [&](Core& core) {
    return core.Propose(EntryKind::kRecords, 1, 1, handle);
  });
  if (!entry.ok()) return entry.status();
  cluster.Read(id, kFirstReadId);
  for (uint64_t i = 0; i < ticks; ++i) {
    absl::Status status = RunRound(cluster);
    if (!status.ok()) return status;
    const ScriptedReplica& leader = *cluster.Find(id);
    bool confirmed = false;
    for (const Event& event : leader.events) {
      confirmed |=
          event.text == absl::StrCat(kFirstReadId, "@", entry->index.value()) ||
          event.text ==
              absl::StrCat(kFirstReadId, "@", entry->index.value() - 1);
    }
    if (confirmed && leader.core->committed() >= entry->index) {
      return absl::OkStatus();
    }
  }
  return absl::DeadlineExceededError(
      "after converging, an entry or a read was not answered in an election "
      "time");
}

// The others that it can talk to hear nothing for an election time.
void LetLeaderBeForgotten(ScriptedCluster& cluster, ReplicaId replica) {
  cluster.network().LoseAll(true);
  for (ReplicaId other : cluster.Living()) {
    if (other == replica || !Reaches(cluster, other, replica)) continue;
    const uint32_t ticks = cluster.OptionsOf(other).election_ticks;
    for (uint32_t i = 0; i < ticks; ++i) {
      cluster.Apply(other, [](Core& core) { core.Tick(); });
    }
  }
  cluster.network().LoseAll(false);
}

absl::Status CampaignAndSettle(ScriptedCluster& cluster, ReplicaId replica) {
  cluster.Apply(replica, [](Core& core) { core.Campaign(); });
  if (cluster.Settle()) return absl::OkStatus();
  return absl::ResourceExhaustedError("messages go round for ever");
}

}  // namespace

absl::Status RunRound(ScriptedCluster& cluster) {
  for (ReplicaId replica : cluster.Living()) {
    cluster.Apply(replica, [](Core& core) { core.Tick(); });
  }
  if (!cluster.Settle()) {
    return absl::ResourceExhaustedError("messages go round for ever");
  }
  return absl::OkStatus();
}

absl::Status Elect(ScriptedCluster& cluster, ReplicaId replica) {
  bool leader_known = false;
  for (ReplicaId other : cluster.Living()) {
    leader_known |= other != replica && Reaches(cluster, other, replica) &&
                    cluster.Find(other)->core->leader().has_value();
  }
  if (leader_known) LetLeaderBeForgotten(cluster, replica);
  absl::Status status = CampaignAndSettle(cluster, replica);
  // Who heard a leader before may be loyal to it though it knows none; a
  // pre-vote that was refused has changed nothing.
  const Core& core = *cluster.Find(replica)->core;
  if (status.ok() && core.role() != Role::kLeader &&
      cluster.OptionsOf(replica).pre_vote) {
    LetLeaderBeForgotten(cluster, replica);
    status = CampaignAndSettle(cluster, replica);
  }
  if (!status.ok() || core.role() == Role::kLeader) return status;
  return absl::FailedPreconditionError(
      absl::StrCat(Format(replica), " was not elected: it is ",
                   Format(core.role()), " in term ", core.term().value()));
}

absl::Status Converge(ScriptedCluster& cluster,
                      const std::set<ReplicaId>& without) {
  const uint64_t ticks =
      kElectionTimesMax *
      cluster.OptionsOf(cluster.All().front()).election_ticks;
  std::string missing;
  for (uint64_t i = 0; i <= ticks; ++i) {
    if (!cluster.Settle()) {
      return absl::ResourceExhaustedError("messages go round for ever");
    }
    if (!cluster.breach().empty()) return absl::OkStatus();
    missing = Missing(cluster, without);
    if (missing.empty()) return absl::OkStatus();
    absl::Status status = RunRound(cluster);
    if (!status.ok()) return status;
  }
  return absl::DeadlineExceededError(absl::StrCat(
      "no convergence within ", ticks, " ticks; missing: ", missing));
}

std::set<ReplicaId> OutOfReach(const ScriptedCluster& cluster) {
  std::set<ReplicaId> out;
  const std::optional<ReplicaId> leader = cluster.Leader();
  for (ReplicaId id : cluster.All()) {
    const ScriptedReplica& replica = *cluster.Find(id);
    if (!replica.core || replica.core->halted() ||
        (leader && !Reaches(cluster, id, *leader))) {
      out.insert(id);
    }
  }
  return out;
}

absl::Status HealAndConverge(ScriptedCluster& cluster,
                             const std::set<ReplicaId>& without) {
  EndFaults(cluster);
  absl::Status status = Converge(cluster, without);
  if (!status.ok() || !cluster.breach().empty()) return status;
  status = CommitOneMore(cluster);
  if (!status.ok()) return status;
  return Converge(cluster, without);
}

}  // namespace kappa::raft
