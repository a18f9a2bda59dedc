#include "server/cluster_status.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/types/span.h"
#include "server/random_uuid.h"

namespace kappa::server {
namespace {

bool IsZero(const Uuid& uuid) { return uuid == Uuid{}; }

// The nodes of `replicas`, ascending.
std::vector<uint64_t> NodesOf(std::vector<ReplicaId> replicas) {
  std::vector<uint64_t> nodes;
  for (const ReplicaId& replica : replicas) {
    nodes.push_back(replica.node.value());
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

std::vector<uint64_t> VotersOf(const raft::Configuration& configuration) {
  std::vector<ReplicaId> voters = configuration.voters;
  voters.insert(voters.end(), configuration.outgoing_voters.begin(),
                configuration.outgoing_voters.end());
  return NodesOf(std::move(voters));
}

}  // namespace

bool ClusterStatus::Heard(NodeId node) const {
  return node == context_.identity.node_id ||
         (context_.network != nullptr &&
          context_.network->AliveForUs(node) > 0);
}

int64_t ClusterStatus::LastHeardUs(NodeId node) const {
  const int64_t now_us = context_.clock->NowUs();
  if (node == context_.identity.node_id) return now_us;
  if (context_.network == nullptr) return 0;
  const std::optional<int64_t> heard_us = context_.network->LastHeardUs(node);
  if (!heard_us.has_value()) return 0;
  return now_us - (context_.clock->MonotonicUs() - *heard_us);
}

std::map<NodeId, int64_t> ClusterStatus::SilentNodes() const {
  std::map<NodeId, int64_t> silent;
  for (const NodeInfo& node : context_.nodes->All()) {
    if (!Heard(node.node)) silent[node.node] = LastHeardUs(node.node);
  }
  return silent;
}

std::vector<std::shared_ptr<const TopicSnapshot>> ClusterStatus::AllTopics()
    const {
  return context_.topics->List("", "", context_.topics->size() + 1);
}

void ClusterStatus::SurveyAll(
    absl::AnyInvocable<void(absl::StatusOr<GroupSurvey>, LogIndex)> done) {
  Shard* const first = context_.router->shards().front();
  auto answer = std::make_shared<decltype(done)>(std::move(done));
  Shard::Task task = [this, answer](Shard&) {
    const LogIndex applied = context_.metadata->state().applied();
    SurveyGroups(context_.router->shards(), std::nullopt,
                 [answer, applied](absl::StatusOr<GroupSurvey> survey) mutable {
                   (*answer)(std::move(survey), applied);
                 });
  };
  if (!first->TryPost(task)) (*answer)(first->Refusal(), LogIndex());
}

// --- the cluster ---

void ClusterStatus::Describe(Callback<v1::DescribeClusterResponse> done) {
  SurveyAll([this, done = std::move(done)](absl::StatusOr<GroupSurvey> survey,
                                           LogIndex applied) mutable {
    if (!survey.ok()) return done(survey.status());
    done(Description(*survey, applied));
  });
}

v1::DescribeClusterResponse ClusterStatus::Description(
    const GroupSurvey& survey, LogIndex applied) const {
  std::map<uint64_t, uint32_t> replicas;
  std::map<uint64_t, uint32_t> leads;
  const uint64_t self = context_.identity.node_id.value();
  for (const auto& topic : AllTopics()) {
    for (uint32_t i = 0; i < topic->groups.size(); ++i) {
      for (const ReplicaId& voter : topic->VotersOf(i)) {
        ++replicas[voter.node.value()];
      }
      const auto found = survey.find(topic->groups[i]);
      if (found == survey.end()) continue;
      const std::optional<NodeId> leader = found->second.leader;
      if (leader.has_value()) ++leads[leader->value()];
    }
  }
  v1::DescribeClusterResponse response;
  response.set_cluster_id(BytesOf(context_.identity.cluster_id));
  response.set_node_id(self);
  for (const NodeInfo& node : context_.nodes->All()) {
    v1::ClusterNodeStatus* const status = response.add_nodes();
    const uint64_t id = node.node.value();
    status->set_node_id(id);
    if (!IsZero(node.disk_id)) status->set_disk_id(BytesOf(node.disk_id));
    // Until it listens, port 0 stands for any.
    if (!absl::EndsWith(node.client_address, ":0")) {
      status->set_address(node.client_address);
    }
    if (context_.network != nullptr) status->set_peer_address(node.address);
    status->set_rack(node.rack);
    status->set_heard(Heard(node.node));
    status->set_last_heard_time_us(LastHeardUs(node.node));
    status->set_replicas(replicas[id]);
    status->set_leads(leads[id]);
  }
  v1::MetadataGroupStatus* const metadata = response.mutable_metadata();
  metadata->set_applied_index(applied.value());
  const auto group = survey.find(kMetadataGroup);
  if (group == survey.end()) return response;
  if (group->second.leader.has_value()) {
    metadata->set_leader(group->second.leader->value());
  }
  metadata->set_term(group->second.term.value());
  for (const uint64_t node : VotersOf(group->second.configuration)) {
    metadata->add_voters(node);
  }
  return response;
}

// --- partitions ---

void ClusterStatus::DescribePartitions(
    std::shared_ptr<const TopicSnapshot> topic, uint32_t first, uint32_t count,
    Callback<v1::DescribePartitionsResponse> done) {
  const size_t end =
      std::min<size_t>(topic->groups.size(), size_t{first} + count);
  std::vector<GroupId> groups;
  for (size_t i = first; i < end; ++i) groups.push_back(topic->groups[i]);
  SurveyGroups(context_.router->shards(), std::move(groups),
               [this, topic, first, end, done = std::move(done)](
                   absl::StatusOr<GroupSurvey> survey) mutable {
                 if (!survey.ok()) return done(survey.status());
                 v1::DescribePartitionsResponse response;
                 for (size_t i = first; i < end; ++i) {
                   *response.add_partitions() =
                       StatusOf(*topic, static_cast<uint32_t>(i), *survey);
                 }
                 done(std::move(response));
               });
}

v1::PartitionStatus ClusterStatus::StatusOf(const TopicSnapshot& topic,
                                            uint32_t partition,
                                            const GroupSurvey& survey) const {
  v1::PartitionStatus status;
  const GroupId group = topic.groups[partition];
  status.set_partition(partition);
  status.set_group_id(group.value());
  const absl::Span<const ReplicaId> placed = topic.VotersOf(partition);
  if (!placed.empty()) {
    status.set_preferred_leader(placed.front().node.value());
  }
  const auto found = survey.find(group);
  if (found == survey.end()) {
    for (const uint64_t node : NodesOf({placed.begin(), placed.end()})) {
      status.add_voters(node);
    }
    return status;
  }
  const GroupView& view = found->second;
  const uint64_t self = context_.identity.node_id.value();
  if (view.leader.has_value()) status.set_leader(view.leader->value());
  status.set_term(view.term.value());
  status.set_committed_index(view.committed.value());
  for (const uint64_t node : VotersOf(view.configuration)) {
    status.add_voters(node);
  }
  for (const uint64_t node : NodesOf(view.configuration.learners)) {
    status.add_learners(node);
  }
  v1::ReplicaStatus* const own = status.add_replicas();
  own->set_node_id(self);
  own->set_last_index(view.last.value());
  own->set_activity(view.leads ? v1::REPLICA_ACTIVITY_LEADS
                               : v1::REPLICA_ACTIVITY_FOLLOWS);
  for (const raft::PeerStatus& peer : view.peers) {
    v1::ReplicaStatus* const other = status.add_replicas();
    other->set_node_id(peer.id.node.value());
    other->set_last_index(peer.match.value());
    if (peer.match < view.committed) {
      other->set_entries_behind(view.committed - peer.match);
      const auto bytes = view.bytes_behind.find(peer.id);
      if (bytes != view.bytes_behind.end()) {
        other->set_bytes_behind(bytes->second);
      }
    }
    other->set_activity(ActivityOf(peer, view.quiescent, !Heard(peer.id.node)));
  }
  std::sort(status.mutable_replicas()->begin(),
            status.mutable_replicas()->end(),
            [](const v1::ReplicaStatus& a, const v1::ReplicaStatus& b) {
              return a.node_id() < b.node_id();
            });
  return status;
}

void ClusterStatus::TransferLeadership(GroupId group,
                                       std::optional<NodeId> node,
                                       Callback<GroupLeader> done) {
  if (group == kMetadataGroup) {
    return TransferMetadata(node, std::move(done));
  }
  context_.router->Route<GroupLeader>(
      group, std::move(done),
      [node](Partition& partition, Node::Callback<GroupLeader> answer) {
        partition.HandOver(node, std::move(answer));
      });
}

void ClusterStatus::TransferMetadata(std::optional<NodeId> node,
                                     Callback<GroupLeader> done) {
  Shard* const first = context_.router->shards().front();
  auto answer = std::make_shared<Callback<GroupLeader>>(std::move(done));
  Shard::Task task = [this, node, answer](Shard& shard) {
    context_.metadata->HandOver(node,
                                [answer](absl::StatusOr<GroupLeader> leader) {
                                  (*answer)(std::move(leader));
                                });
    shard.Touch(context_.metadata);
  };
  if (!first->TryPost(task)) (*answer)(first->Refusal());
}

// --- health ---

ClusterStatus::SetAside ClusterStatus::AllSetAside() const {
  return context_.set_aside == nullptr ? SetAside() : context_.set_aside->All();
}

HealthFacts ClusterStatus::FactsFrom(GroupSurvey survey,
                                     SetAside set_aside) const {
  HealthFacts facts;
  facts.set_aside = std::move(set_aside);
  facts.self = context_.identity.node_id;
  facts.now_us = context_.clock->NowUs();
  facts.disk = context_.disk;
  facts.silent = SilentNodes();
  for (const NodeInfo& node : context_.nodes->All()) {
    facts.incarnations[node.node] = node.incarnation;
  }
  facts.waiting = context_.waiting->All(facts.now_us);
  // Who has found its place says so by its messages.
  std::erase_if(facts.waiting, [this](const WaitingNodes::Waiting& waiting) {
    const std::optional<NodeInfo> known = context_.nodes->Find(waiting.node);
    return known.has_value() && BytesOf(known->disk_id) == waiting.disk_id &&
           Heard(waiting.node);
  });
  facts.groups = std::move(survey);
  facts.topics = AllTopics();
  facts.damage = context_.known_damage->All();
  return facts;
}

void ClusterStatus::CheckHealth(Callback<v1::GetHealthResponse> done) {
  // The file system is read here: shards wait for nothing.
  SurveyAll([this, set_aside = AllSetAside(), done = std::move(done)](
                absl::StatusOr<GroupSurvey> survey, LogIndex) mutable {
    if (!survey.ok()) return done(survey.status());
    done(server::CheckHealth(
        FactsFrom(*std::move(survey), std::move(set_aside)), &lags_));
  });
}

void ClusterStatus::Observe(Callback<ClusterObservation> done) {
  SurveyAll([this, set_aside = AllSetAside(), done = std::move(done)](
                absl::StatusOr<GroupSurvey> survey, LogIndex) mutable {
    if (!survey.ok()) return done(survey.status());
    done(ObservationOf(*std::move(survey), std::move(set_aside)));
  });
}

ClusterObservation ClusterStatus::ObservationOf(GroupSurvey survey,
                                                SetAside set_aside) {
  const HealthFacts facts = FactsFrom(std::move(survey), std::move(set_aside));
  ClusterObservation seen;
  seen.self = facts.self;
  seen.time_us = facts.now_us;
  for (const NodeInfo& node : context_.nodes->All()) {
    seen.heard[node.node] = !facts.silent.contains(node.node);
  }
  const auto note = [&](GroupId group, ClusterObservation::Leader leader) {
    const auto found = facts.groups.find(group);
    if (found == facts.groups.end()) return;
    const std::optional<NodeId> node = found->second.leader;
    leader.node = node.has_value() ? node->value() : 0;
    leader.term = found->second.term;
    seen.leaders.emplace(group, std::move(leader));
  };
  note(kMetadataGroup, {});
  for (const auto& topic : facts.topics) {
    for (uint32_t i = 0; i < topic->groups.size(); ++i) {
      note(topic->groups[i], {topic, i, 0, Term()});
    }
  }
  seen.health = server::CheckHealth(facts, &lags_);
  return seen;
}

}  // namespace kappa::server
