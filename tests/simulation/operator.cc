#include "tests/simulation/operator.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace kappa::simulation {
namespace {

using raft::Configuration;
using raft::ConfigurationChange;

std::vector<ReplicaId> MembersOf(const Configuration& configuration) {
  std::vector<ReplicaId> members = configuration.voters;
  members.insert(members.end(), configuration.outgoing_voters.begin(),
                 configuration.outgoing_voters.end());
  members.insert(members.end(), configuration.learners.begin(),
                 configuration.learners.end());
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  return members;
}

size_t NodeOf(ReplicaId id) { return id.node.value() - 1; }

}  // namespace

ReplicaId Operator::CurrentId(uint32_t group, size_t node) const {
  return ReplicaId{NodeId(node + 1),
                   world_.groups[group].placements[node].incarnation};
}

bool Operator::IsCurrent(uint32_t group, ReplicaId id) const {
  return id == CurrentId(group, NodeOf(id));
}

Node* Operator::LeaderOf(uint32_t group) const {
  Node* leader = nullptr;
  for (const std::unique_ptr<Node>& node : nodes_) {
    const raft::Core* core = node->core(group);
    if (core == nullptr || node->paused() ||
        core->role() != raft::Role::kLeader) {
      continue;
    }
    if (leader == nullptr || leader->core(group)->term() < core->term()) {
      leader = node.get();
    }
  }
  return leader;
}

bool Operator::CanHaveReplica(uint32_t group, size_t node) const {
  return world_.groups[group].placements[node].exists ||
         (nodes_[node]->serving() && !nodes_[node]->paused());
}

bool Operator::EnsureReplica(uint32_t group, size_t node) {
  if (!CanHaveReplica(group, node)) return false;
  if (!world_.groups[group].placements[node].exists) {
    nodes_[node]->CreateReplica(group);
  }
  return true;
}

void Operator::Tend() {
  for (uint32_t group = 0; group < world_.groups.size(); ++group) {
    TendGroup(group);
  }
}

void Operator::TendGroup(uint32_t group) {
  if (world_.healed) {
    TrimDamaged(group);
    // Where nothing keeps those that left from disturbing, they must go.
    const raft::CoreOptions& core = world_.options.core;
    if (!core.pre_vote && !core.check_quorum) DropLeaver(group, 0);
  }
  Node* leader = LeaderOf(group);
  if (leader == nullptr) return;
  const Configuration configuration = leader->core(group)->configuration();
  if (configuration.joint()) {
    if (!configuration.auto_leave && (world_.healed || random_.OneIn(8))) {
      ConfigurationChange change;
      change.step = ConfigurationChange::Step::kLeaveJoint;
      (void)leader->ChangeConfiguration(group, change);
    }
    return;
  }
  Replace(leader, group);
}

// One change removes a member that forgot and adds its node's new replica as a
// learner that is to vote if the old one did (RELIABILITY.md S5).
bool Operator::Replace(Node* leader, uint32_t group) {
  const Configuration& present = leader->core(group)->configuration();
  ConfigurationChange change;
  change.voters = present.voters;
  change.learners = present.learners;
  change.promoting = present.promoting;
  for (ReplicaId id : MembersOf(present)) {
    if (IsCurrent(group, id) || !EnsureReplica(group, NodeOf(id))) continue;
    const bool votes = std::erase(change.voters, id) > 0;
    const bool promoting = std::erase(change.promoting, id) > 0;
    std::erase(change.learners, id);
    const ReplicaId successor = CurrentId(group, NodeOf(id));
    change.learners.push_back(successor);
    if (votes || promoting) change.promoting.push_back(successor);
    std::sort(change.learners.begin(), change.learners.end());
    std::sort(change.promoting.begin(), change.promoting.end());
    const absl::Status status = leader->ChangeConfiguration(group, change);
    world_.Log(absl::StrCat("replace node ", id.node.value(), " in group ",
                            group, ": ", status.ToString()));
    if (!status.ok()) return false;
    ++world_.counts.replicas_replaced;
    return true;
  }
  return false;
}

void Operator::TrimDamaged(uint32_t group) {
  for (const std::unique_ptr<Node>& node : nodes_) {
    const raft::Core* core = node->core(group);
    if (core == nullptr || core->damaged().empty()) continue;
    const LogIndex index = core->damaged().front();
    const raft::LogBase* base = nullptr;
    bool held = false;
    // Nobody asks one that is no member for an entry.
    for (ReplicaId member : MembersOf(core->configuration())) {
      const std::unique_ptr<Node>& other = nodes_[NodeOf(member)];
      const std::optional<StoredReplica>& copy =
          other->disk().durable().replicas[group];
      if (!copy || copy->id != member || other == node) continue;
      held |= copy->log.Find(index) != nullptr && !copy->log.IsDamaged(index);
      if (copy->log.base_index() >= index) base = &copy->log.base();
    }
    if (!held && base != nullptr) node->TrimTo(group, *base);
  }
}

bool Operator::ChangeMembership(uint32_t group, uint64_t choice) {
  Node* leader = LeaderOf(group);
  if (leader == nullptr) return false;
  RandomSource random(choice, 5);
  std::vector<size_t> usable;
  for (size_t node = 0; node < nodes_.size(); ++node) {
    if (CanHaveReplica(group, node)) usable.push_back(node);
  }
  for (size_t i = usable.size(); i > 1; --i) {
    std::swap(usable[i - 1], usable[random.Below(i)]);
  }
  ConfigurationChange change;
  const Configuration& present = leader->core(group)->configuration();
  const size_t voters_max = std::min<size_t>(usable.size(), 5);
  if (voters_max == 0) return false;
  const size_t voters = std::min(
      voters_max, random.OneIn(6) ? 1 + random.Below(5) : 2 + random.Below(3));
  if (random.OneIn(3) && !present.joint()) {
    // One member more, to be made a voter when it has caught up.
    change.voters = present.voters;
    change.learners = present.learners;
    change.promoting = present.promoting;
    for (size_t node : usable) {
      const ReplicaId id = CurrentId(group, node);
      const std::vector<ReplicaId> members = MembersOf(present);
      if (std::any_of(members.begin(), members.end(), [&](ReplicaId member) {
            return member.node == id.node;
          })) {
        continue;
      }
      change.learners.push_back(id);
      change.promoting.push_back(id);
      break;
    }
  } else {
    for (size_t i = 0; i < usable.size(); ++i) {
      const ReplicaId id = CurrentId(group, usable[i]);
      if (i < voters) {
        change.voters.push_back(id);
      } else if (random.OneIn(4)) {
        change.learners.push_back(id);
        if (random.OneIn(2) && !std::binary_search(present.voters.begin(),
                                                   present.voters.end(), id)) {
          change.promoting.push_back(id);
        }
      }
    }
    static constexpr ConfigurationChange::Step kSteps[] = {
        ConfigurationChange::Step::kAuto, ConfigurationChange::Step::kAuto,
        ConfigurationChange::Step::kEnterJoint,
        ConfigurationChange::Step::kEnterJointAndLeave};
    change.step = kSteps[random.Below(4)];
  }
  if (present.joint()) change.step = ConfigurationChange::Step::kLeaveJoint;
  std::sort(change.voters.begin(), change.voters.end());
  std::sort(change.learners.begin(), change.learners.end());
  std::sort(change.promoting.begin(), change.promoting.end());
  // One that forgot, and does not know it yet, is no vote to count on.
  const auto forgotten = std::count_if(
      change.voters.begin(), change.voters.end(), [&](ReplicaId id) {
        return world_.groups[group].checker.HasForgotten(id);
      });
  if (2 * static_cast<size_t>(forgotten) >= change.voters.size()) return false;
  if (!CanMendAfter(group, change)) return false;
  // A replica is there before it is a member: its vote may be needed at once.
  for (const std::vector<ReplicaId>* list :
       {&change.voters, &change.learners}) {
    for (ReplicaId id : *list) EnsureReplica(group, NodeOf(id));
  }
  const absl::Status status = leader->ChangeConfiguration(group, change);
  world_.Log(absl::StrCat("change of group ", group, ": ", status.ToString()));
  return true;
}

bool Operator::Transfer(uint32_t group, uint64_t choice) {
  Node* leader = LeaderOf(group);
  if (leader == nullptr) return false;
  std::optional<ReplicaId> target;
  const Configuration& present = leader->core(group)->configuration();
  if (choice % 4 != 0)
    target = present.voters[choice / 4 % present.voters.size()];
  (void)leader->Transfer(group, target);
  return true;
}

bool Operator::DropLeaver(uint32_t group, uint64_t choice) {
  if (LeaderOf(group) == nullptr) return false;
  const std::vector<const Configuration*> possible =
      PossibleConfigurations(group);
  const auto is_member = [&](ReplicaId id) {
    return std::any_of(
        possible.begin(), possible.end(),
        [&](const Configuration* configuration) {
          const std::vector<ReplicaId> members = MembersOf(*configuration);
          return std::binary_search(members.begin(), members.end(), id);
        });
  };
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const size_t node = (choice + i) % nodes_.size();
    if (!world_.groups[group].placements[node].exists ||
        !nodes_[node]->serving() || nodes_[node]->paused() ||
        is_member(CurrentId(group, node))) {
      continue;
    }
    nodes_[node]->DropReplica(group);
    return true;
  }
  return false;
}

bool Operator::IsHeldBy(uint32_t group, const std::vector<ReplicaId>& voters,
                        size_t node, LogIndex index) const {
  const ReplicaLog& log = nodes_[node]->disk().durable().replicas[group]->log;
  return std::any_of(voters.begin(), voters.end(), [&](ReplicaId id) {
    const NodeDisk& disk = nodes_[NodeOf(id)]->disk();
    // Durably, and not about to be trimmed or truncated.
    const auto holds = [&](const DiskImage& image) {
      const std::optional<StoredReplica>& copy = image.replicas[group];
      return copy && copy->id == id && copy->log.Find(index) != nullptr &&
             copy->log.ChainAt(index) == log.ChainAt(index) &&
             copy->log.damaged().empty();
    };
    return NodeOf(id) != node && holds(disk.durable()) && holds(disk.written());
  });
}

bool Operator::StaysHeldElsewhere(uint32_t group, size_t node,
                                  LogIndex index) const {
  const std::vector<const Configuration*> possible =
      PossibleConfigurations(group);
  return std::all_of(possible.begin(), possible.end(),
                     [&](const Configuration* configuration) {
                       return IsHeldBy(group, configuration->voters, node,
                                       index);
                     });
}

bool Operator::CanMendAfter(uint32_t group,
                            const ConfigurationChange& change) const {
  for (const std::vector<ReplicaId>* list :
       {&change.voters, &change.learners}) {
    for (ReplicaId id : *list) {
      const size_t node = NodeOf(id);
      const std::optional<StoredReplica>& replica =
          nodes_[node]->disk().durable().replicas[group];
      if (!replica) continue;
      for (LogIndex index : replica->log.damaged()) {
        if (!IsHeldBy(group, change.voters, node, index)) return false;
      }
    }
  }
  return true;
}

bool Operator::IsSoundWithout(uint32_t group, ReplicaId id, size_t node) const {
  return NodeOf(id) != node && IsCurrent(group, id) &&
         world_.groups[group].placements[NodeOf(id)].exists &&
         !world_.groups[group].checker.HasForgotten(id);
}

bool Operator::HasMajorityWithout(uint32_t group,
                                  const std::vector<ReplicaId>& voters,
                                  size_t node) const {
  if (voters.empty()) return true;
  const auto sound = std::count_if(
      voters.begin(), voters.end(),
      [&](ReplicaId id) { return IsSoundWithout(group, id, node); });
  return static_cast<size_t>(sound) > voters.size() / 2;
}

bool Operator::GroupCanSpare(uint32_t group, size_t node) const {
  const auto stays = [&](const Configuration* configuration) {
    // Learners may become voters although they are lost meanwhile.
    std::vector<ReplicaId> voters = configuration->voters;
    for (ReplicaId id : configuration->promoting) {
      if (!IsSoundWithout(group, id, node)) voters.push_back(id);
    }
    return HasMajorityWithout(group, voters, node) &&
           HasMajorityWithout(group, configuration->outgoing_voters, node);
  };
  // Nothing may be damaged meanwhile: the spared copy may be the last one.
  for (const ReplicaLog* log : LogsOf(group)) {
    if (!log->damaged().empty()) return false;
  }
  const std::vector<const Configuration*> possible =
      PossibleConfigurations(group);
  return std::all_of(possible.begin(), possible.end(), stays);
}

std::vector<const ReplicaLog*> Operator::LogsOf(uint32_t group) const {
  std::vector<const ReplicaLog*> logs;
  for (const std::unique_ptr<Node>& node : nodes_) {
    for (const DiskImage* image :
         {&node->disk().written(), &node->disk().durable()}) {
      const std::optional<StoredReplica>& replica = image->replicas[group];
      if (replica) logs.push_back(&replica->log);
    }
  }
  return logs;
}

std::vector<const Configuration*> Operator::PossibleConfigurations(
    uint32_t group) const {
  const GroupChecker& checker = world_.groups[group].checker;
  const std::vector<const ReplicaLog*> logs = LogsOf(group);
  LogIndex newest_committed;
  const Configuration* committed = &world_.groups[group].first;
  for (const ReplicaLog* log : logs) {
    const LogIndex shared =
        std::min(log->last_index(), checker.highest_committed());
    if (shared >= log->base_index() && shared > LogIndex(0) &&
        checker.CommittedChain(shared) == log->ChainAt(shared) &&
        log->ConfigurationIndexAt(shared) > newest_committed) {
      newest_committed = log->ConfigurationIndexAt(shared);
      committed = &log->ConfigurationAt(shared);
    }
  }
  std::vector<const Configuration*> possible = {committed};
  for (const ReplicaLog* log : logs) {
    if (log->ConfigurationIndexAt(log->last_index()) > newest_committed) {
      possible.push_back(&log->configuration());
    }
  }
  return possible;
}

bool Operator::CanSpare(size_t node) const {
  for (uint32_t group = 0; group < world_.groups.size(); ++group) {
    if (!GroupCanSpare(group, node)) return false;
  }
  return true;
}

bool Operator::IsSettled(uint32_t group) const {
  const Node* leader = LeaderOf(group);
  if (leader == nullptr) return false;
  const Configuration& configuration = leader->core(group)->configuration();
  if (configuration.joint() || !configuration.promoting.empty()) return false;
  for (ReplicaId id : MembersOf(configuration)) {
    if (!IsCurrent(group, id) || nodes_[NodeOf(id)]->core(group) == nullptr ||
        nodes_[NodeOf(id)]->id(group) != id) {
      return false;
    }
  }
  return true;
}

}  // namespace kappa::simulation
