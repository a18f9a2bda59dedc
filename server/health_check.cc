#include "server/health_check.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/metadata_group.h"

namespace kappa::server {
namespace {

constexpr int kProblemsMax = 1'000;

// Where a group belongs.
struct GroupName {
  std::string topic;  // empty: the metadata
  uint32_t partition = 0;

  std::string ToString() const {
    return topic.empty() ? "metadata" : absl::StrCat(topic, "/", partition);
  }
};

std::string NodesText(const std::vector<NodeId>& nodes) {
  return absl::StrCat(
      nodes.size() == 1 ? "node " : "nodes ",
      absl::StrJoin(nodes, ", ", [](std::string* out, NodeId node) {
        absl::StrAppend(out, node.value());
      }));
}

// "", or ", about 3 MiB".
std::string BytesText(uint64_t bytes) {
  if (bytes == 0) return "";
  if (bytes < 10 << 10) return absl::StrCat(", about ", bytes, " bytes");
  if (bytes < 10 << 20) return absl::StrCat(", about ", bytes >> 10, " KiB");
  return absl::StrCat(", about ", bytes >> 20, " MiB");
}

class Check {
 public:
  Check(const HealthFacts& facts, LagTracker* lags)
      : facts_(facts), lags_(lags) {
    response_.set_node_id(facts.self.value());
  }

  v1::GetHealthResponse Run() {
    CheckDisk();
    CheckNodes();
    CheckDamage();
    CheckSetAside();
    const auto metadata = facts_.groups.find(kMetadataGroup);
    if (metadata != facts_.groups.end()) {
      CheckGroup(kMetadataGroup, {}, metadata->second);
    }
    uint32_t replicas = 0;
    for (const auto& topic : facts_.topics) {
      for (uint32_t i = 0; i < topic->groups.size(); ++i) {
        const auto found = facts_.groups.find(topic->groups[i]);
        if (found == facts_.groups.end()) continue;
        ++replicas;
        CheckGroup(topic->groups[i], {topic->topic.name(), i}, found->second);
      }
    }
    response_.set_replicas(replicas);
    response_.set_healthy(response_.problems().empty());
    return std::move(response_);
  }

 private:
  bool IsSilent(NodeId node) const { return facts_.silent.contains(node); }

  v1::HealthProblem* Add(v1::HealthProblemKind kind, std::string message) {
    if (response_.problems_size() == kProblemsMax) {
      response_.set_more_problems(response_.more_problems() + 1);
      return &beyond_;
    }
    v1::HealthProblem* const problem = response_.add_problems();
    problem->set_kind(kind);
    problem->set_message(std::move(message));
    return problem;
  }

  v1::HealthProblem* AddOfGroup(v1::HealthProblemKind kind,
                                const GroupName& name,
                                const std::string& message) {
    v1::HealthProblem* const problem =
        Add(kind, absl::StrCat(name.ToString(), ": ", message));
    problem->set_in_group(true);
    problem->set_topic(name.topic);
    problem->set_partition(name.partition);
    return problem;
  }

  void CheckDisk() {
    if (facts_.disk == nullptr) return;
    const DiskLevel level = facts_.disk->level();
    if (level == DiskLevel::kAmple) return;
    const bool low = level == DiskLevel::kLow;
    Add(low ? v1::HEALTH_PROBLEM_KIND_DISK_LOW
            : v1::HEALTH_PROBLEM_KIND_DISK_CRITICAL,
        absl::StrCat(
            "disk nearly full on node ", facts_.self.value(), ": ",
            facts_.disk->free_bytes() >> 20, " MiB are free, below ",
            (low ? facts_.disk->low_bytes() : facts_.disk->critical_bytes()) >>
                20,
            low ? " MiB nothing is appended" : " MiB nothing is changed"))
        ->add_nodes(facts_.self.value());
  }

  void CheckNodes() {
    for (const auto& [node, last_heard_us] : facts_.silent) {
      v1::HealthProblem* const problem =
          Add(v1::HEALTH_PROBLEM_KIND_NODE_NOT_HEARD,
              absl::StrCat("node ", node.value(), " is not heard"));
      problem->add_nodes(node.value());
      problem->set_since_time_us(last_heard_us);
    }
    for (const WaitingNodes::Waiting& waiting : facts_.waiting) {
      v1::HealthProblem* const problem =
          Add(v1::HEALTH_PROBLEM_KIND_NODE_WAITS,
              absl::StrCat(
                  "node ", waiting.node.value(), " at ", waiting.address,
                  " has an empty directory and waits: ", waiting.waits_for));
      problem->add_nodes(waiting.node.value());
      problem->set_since_time_us(waiting.since_us);
    }
  }

  // Who may have what this node holds damaged.
  std::string DonorsOf(const GroupName& group) const {
    if (group.topic.empty()) return "whole ones are asked of the other nodes";
    std::vector<NodeId> nodes;
    for (const auto& topic : facts_.topics) {
      if (topic->topic.name() != group.topic) continue;
      for (const ReplicaId& voter : topic->VotersOf(group.partition)) {
        if (voter.node != facts_.self) nodes.push_back(voter.node);
      }
    }
    return nodes.empty() ? "no other node has them"
                         : "whole ones are asked of " + NodesText(nodes);
  }

  void CheckDamage() {
    if (facts_.damage.empty()) return;
    std::map<GroupId, GroupName> names{{kMetadataGroup, {}}};
    for (const auto& topic : facts_.topics) {
      for (uint32_t i = 0; i < topic->groups.size(); ++i) {
        names[topic->groups[i]] = {topic->topic.name(), i};
      }
    }
    for (const storage::ScrubRange& range : facts_.damage) {
      const auto name = names.find(range.group);
      if (name == names.end()) continue;  // its topic was deleted
      AddOfGroup(v1::HEALTH_PROBLEM_KIND_DAMAGED, name->second,
                 absl::StrCat("entries ", range.first.value(), " to ",
                              range.last.value(), " are damaged on node ",
                              facts_.self.value(), ": ", range.what, "; ",
                              DonorsOf(name->second)))
          ->add_nodes(facts_.self.value());
    }
  }

  void CheckSetAside() {
    for (const SetAsideCopy& copy : facts_.set_aside) {
      v1::HealthProblem* const problem = Add(
          v1::HEALTH_PROBLEM_KIND_SET_ASIDE,
          absl::StrCat("node ", facts_.self.value(), " has set aside ",
                       copy.path, " (", copy.bytes,
                       " bytes), which had forgotten something and is not "
                       "used: kappad check and kappad dump read it; move it "
                       "away, or delete it once nothing of it is needed"));
      problem->add_nodes(facts_.self.value());
      problem->set_since_time_us(copy.since_us);
    }
  }

  // Voters that are missed because they are too many.
  struct Missed {
    std::set<NodeId> nodes;     // not heard
    std::set<NodeId> replaced;  // another disk has the place of the voter's
    int64_t since_us = 0;       // when there were too many; 0: not known
  };

  bool IsReplaced(const ReplicaId& voter) const {
    const auto present = facts_.incarnations.find(voter.node);
    return present != facts_.incarnations.end() &&
           present->second > voter.incarnation;
  }

  void MissIn(const std::vector<ReplicaId>& voters, Missed* missed) const {
    std::vector<int64_t> last_heard_us;
    std::vector<NodeId> silent;
    std::vector<NodeId> replaced;
    for (const ReplicaId& voter : voters) {
      const auto found = facts_.silent.find(voter.node);
      if (IsReplaced(voter)) {
        replaced.push_back(voter.node);
        last_heard_us.push_back(0);
      } else if (found != facts_.silent.end()) {
        silent.push_back(voter.node);
        last_heard_us.push_back(found->second);
      }
    }
    const size_t majority = voters.size() / 2 + 1;
    if (voters.size() - last_heard_us.size() >= majority || voters.empty()) {
      return;
    }
    missed->nodes.insert(silent.begin(), silent.end());
    missed->replaced.insert(replaced.begin(), replaced.end());
    std::sort(last_heard_us.begin(), last_heard_us.end());
    missed->since_us =
        std::max(missed->since_us, last_heard_us[voters.size() - majority]);
  }

  static std::string WhoIsMissed(const Missed& missed) {
    const std::vector<NodeId> nodes(missed.nodes.begin(), missed.nodes.end());
    const std::vector<NodeId> replaced(missed.replaced.begin(),
                                       missed.replaced.end());
    std::string text;
    if (!nodes.empty()) {
      absl::StrAppend(&text, NodesText(nodes),
                      nodes.size() == 1 ? " is needed" : " are needed",
                      " and not heard");
    }
    if (!replaced.empty()) {
      absl::StrAppend(&text, text.empty() ? "" : "; ", "the voting disk of ",
                      NodesText(replaced), " was replaced");
    }
    return text;
  }

  void CheckGroup(GroupId id, const GroupName& name, const GroupView& group) {
    Missed missed;
    MissIn(group.configuration.voters, &missed);
    MissIn(group.configuration.outgoing_voters, &missed);
    if (!missed.nodes.empty() || !missed.replaced.empty()) {
      v1::HealthProblem* const problem = AddOfGroup(
          v1::HEALTH_PROBLEM_KIND_NO_QUORUM, name,
          absl::StrCat("no quorum of ", group.configuration.voters.size(),
                       " voters: ", WhoIsMissed(missed)));
      for (const NodeId node : missed.nodes) problem->add_nodes(node.value());
      problem->set_since_time_us(missed.since_us);
    } else if (!group.leader.has_value()) {
      AddOfGroup(
          v1::HEALTH_PROBLEM_KIND_NO_LEADER, name,
          absl::StrCat("no leader is known in term ", group.term.value()));
    }
    for (const raft::PeerStatus& peer : group.peers) {
      CheckReplica(id, name, group, peer);
    }
  }

  void CheckReplica(GroupId id, const GroupName& name, const GroupView& group,
                    const raft::PeerStatus& peer) {
    const NodeId node = peer.id.node;
    const std::optional<int64_t> lags_since_us =
        lags_->Note(id, node, peer.match, group.committed, facts_.now_us);
    if (peer.match >= group.committed) return;
    const v1::ReplicaActivity activity =
        ActivityOf(peer, group.quiescent, IsSilent(node));
    const bool on_its_way = activity == v1::REPLICA_ACTIVITY_FOLLOWS ||
                            activity == v1::REPLICA_ACTIVITY_PROBED;
    if (on_its_way && !lags_since_us.has_value()) return;
    const uint64_t behind = group.committed - peer.match;
    const auto known = group.bytes_behind.find(peer.id);
    const uint64_t bytes =
        known == group.bytes_behind.end() ? 0 : known->second;
    v1::HealthProblem* const problem = AddOfGroup(
        v1::HEALTH_PROBLEM_KIND_REPLICA_BEHIND, name,
        absl::StrCat("the replica on node ", node.value(), " is behind by ",
                     behind, behind == 1 ? " entry" : " entries",
                     BytesText(bytes), ": ", WhyBehind(activity)));
    problem->set_bytes_behind(bytes);
    problem->add_nodes(node.value());
    problem->set_entries_behind(behind);
    problem->set_activity(activity);
    const auto silent = facts_.silent.find(node);
    problem->set_since_time_us(silent != facts_.silent.end()
                                   ? silent->second
                                   : lags_since_us.value_or(0));
  }

  static const char* WhyBehind(v1::ReplicaActivity activity) {
    switch (activity) {
      case v1::REPLICA_ACTIVITY_SILENT:
        return "it is not connected";
      case v1::REPLICA_ACTIVITY_FULL:
        return "its disk is full";
      case v1::REPLICA_ACTIVITY_CATCHES_UP:
        return "it catches up";
      case v1::REPLICA_ACTIVITY_PROBED:
        return "the leader looks for where its log ends";
      default:
        return "its disk or the network is slow";
    }
  }

  const HealthFacts& facts_;
  LagTracker* const lags_;
  v1::GetHealthResponse response_;
  v1::HealthProblem beyond_;  // what is not listed
};

}  // namespace

v1::ReplicaActivity ActivityOf(const raft::PeerStatus& peer, bool quiescent,
                               bool silent) {
  // In a group that sleeps nobody says anything, whether it could or not.
  if (silent || (!peer.active && !quiescent)) {
    return v1::REPLICA_ACTIVITY_SILENT;
  }
  if (peer.full) return v1::REPLICA_ACTIVITY_FULL;
  switch (peer.state) {
    case raft::PeerState::kProbe:
      return v1::REPLICA_ACTIVITY_PROBED;
    case raft::PeerState::kReplicate:
      return v1::REPLICA_ACTIVITY_FOLLOWS;
    case raft::PeerState::kCatchUp:
    case raft::PeerState::kBase:
      return v1::REPLICA_ACTIVITY_CATCHES_UP;
  }
  return v1::REPLICA_ACTIVITY_UNSPECIFIED;
}

v1::GetHealthResponse CheckHealth(const HealthFacts& facts, LagTracker* lags) {
  return Check(facts, lags).Run();
}

}  // namespace kappa::server
