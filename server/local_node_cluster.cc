// LocalNode: its place among the other nodes.
#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "server/formation_rules.h"
#include "server/join_answer.h"
#include "server/latch.h"
#include "server/local_node.h"
#include "server/logging.h"
#include "server/node_limits.h"
#include "server/random_uuid.h"
#include "storage/set_aside.h"

namespace kappa::server {
namespace {

// A node that has been heard for so long is there to stay.
constexpr int64_t kSteadyUs = 5'000'000;
constexpr int64_t kHandOverUsMax = 1'500'000;

bool IsSteady(const NodeNetwork& network, NodeId node) {
  return network.AliveForUs(node) >= kSteadyUs;
}

// Another number than before whenever a look at all groups may find what the
// last one did not: what happens to a group comes with a message or a write.
uint64_t ChangesOf(const PartitionRouter& router, const NodeDirectory& nodes,
                   const NodeNetwork& network) {
  constexpr uint64_t kSteadyNode = uint64_t{1} << 48;
  uint64_t changes = 0;
  for (const Shard* const shard : router.shards()) {
    changes += shard->counters().group_events.value();
  }
  for (const NodeInfo& node : nodes.All()) {
    if (IsSteady(network, node.node)) changes += kSteadyNode;
  }
  return changes;
}

std::set<NodeId> SilentNodes(const NodeDirectory& nodes,
                             const NodeNetwork& network, NodeId self) {
  std::set<NodeId> silent;
  for (const NodeInfo& node : nodes.All()) {
    if (node.node != self && network.AliveForUs(node.node) == 0) {
      silent.insert(node.node);
    }
  }
  return silent;
}

}  // namespace

PeerCallbacks LocalNode::AnswersToNodes() {
  PeerCallbacks answers;
  answers.forward = options_.forward;
  answers.join = [this](raft::v1::JoinRequest request,
                        PeerCallbacks::Done<raft::v1::JoinResponse> done) {
    JoinNode(std::move(request), std::move(done));
  };
  answers.ask_partition = [this](const raft::v1::PartitionRequest& request,
                                 PartitionAsker::Done done) {
    if (request.fence().producer_id().size() == Uuid().size()) {
      // It was opened, or nobody would fence for it.
      known_producers_->Note(request.fence().producer_id(),
                             request.fence().epoch());
    }
    AnswerPartitionRequest(router_, request, std::move(done));
  };
  // Only looks at it: whoever made the network knows the answer.
  answers.probe = [this](const raft::v1::ProbeRequest& request,
                         const PeerCallbacks::Done<raft::v1::ProbeResponse>&) {
    waiting_nodes_.Note(request, options_.clock->NowUs());
  };
  return answers;
}

absl::Status LocalNode::CheckGone(const raft::v1::ClusterNode& heir) const {
  const std::optional<NodeInfo> known = nodes_.Find(NodeId(heir.node_id()));
  if (!known.has_value() || BytesOf(known->disk_id) == heir.disk_id()) {
    return absl::OkStatus();
  }
  const bool heard = known->node == identity_.node_id ||
                     (joined_.load() && network_->AliveForUs(known->node) > 0);
  if (!heard && joined_.load()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "join: node ", heir.node_id(), " is heard on disk ",
      absl::BytesToHexString(BytesOf(known->disk_id)), ": that on disk ",
      absl::BytesToHexString(heir.disk_id()), " does not take its place"));
}

void LocalNode::JoinNode(raft::v1::JoinRequest request,
                         PeerCallbacks::Done<raft::v1::JoinResponse> done) {
  const raft::v1::ClusterNode& asks = request.self();
  if (asks.node_id() > kNodeIdMax || asks.address().size() > kAddressBytesMax ||
      asks.client_address().size() > kAddressBytesMax ||
      asks.rack().size() > kRackBytesMax) {
    return done(absl::InvalidArgumentError(absl::StrCat(
        "join: node id ", asks.node_id(), ", addresses of ",
        asks.address().size(), " and ", asks.client_address().size(),
        " bytes, a rack of ", asks.rack().size(), " bytes: at most ",
        kNodeIdMax, ", ", kAddressBytesMax, " and ", kRackBytesMax)));
  }
  const NodeInfo node = FromClusterNode(asks);
  const bool replaces = request.replaces();
  auto register_node = [this, node, replaces,
                        done = std::move(done)](absl::Status status) mutable {
    if (!status.ok()) return done(status);
    metadata_calls_->RegisterNode(
        node, replaces,
        [this,
         done = std::move(done)](absl::StatusOr<RegisteredNode> node) mutable {
          if (!node.ok()) return done(WithLeaderPeer(node.status(), nodes_));
          done(JoinResponseOf(identity_, options_.self, node->node,
                              node->nodes));
        });
  };
  if (!replaces) return register_node(absl::OkStatus());
  const absl::Status gone = CheckGone(asks);
  if (!gone.ok()) return register_node(gone);
  CheckStillNeeded(asks, std::move(register_node));
}

void LocalNode::CheckStillNeeded(const raft::v1::ClusterNode& heir,
                                 absl::AnyInvocable<void(absl::Status)> done) {
  auto answer = std::make_shared<decltype(done)>(std::move(done));
  Shard::Task task = [this, answer, node = NodeId(heir.node_id()),
                      disk_id = heir.disk_id()](Shard&) {
    // Whoever has its place already is told so.
    const std::vector<NodeInfo> nodes = metadata_->state().nodes();
    const bool known =
        std::any_of(nodes.begin(), nodes.end(), [&](const NodeInfo& known) {
          return known.node == node && BytesOf(known.disk_id) == disk_id;
        });
    if (known || !metadata_->leads()) return (*answer)(absl::OkStatus());
    SurveyGroups(router_.shards(), std::nullopt,
                 [this, answer, node, nodes](absl::StatusOr<GroupSurvey> all) {
                   (*answer)(all.ok() ? CheckReplaceable(
                                            node, MembersOf(*all, nodes), nodes)
                                      : all.status());
                 });
  };
  if (!shards_[0]->TryPost(task)) (*answer)(shards_[0]->Refusal());
}

std::vector<GroupMembers> LocalNode::MembersOf(
    const GroupSurvey& survey, const std::vector<NodeInfo>& nodes) const {
  std::vector<GroupMembers> all;
  const auto add = [&](GroupId group, std::string name,
                       std::vector<ReplicaId> wanted) {
    const auto found = survey.find(group);
    if (found == survey.end()) return;
    all.push_back({.name = std::move(name),
                   .present = found->second.configuration,
                   .wanted = std::move(wanted)});
  };
  add(kMetadataGroup, "metadata", MetadataMembers(nodes).voters);
  for (const auto& topic : topics_.List("", "", topics_.size() + 1)) {
    for (uint32_t i = 0; i < topic->groups.size(); ++i) {
      const auto voters = topic->VotersOf(i);
      add(topic->groups[i], absl::StrCat(topic->topic.name(), "/", i),
          {voters.begin(), voters.end()});
    }
  }
  return all;
}

void LocalNode::RegisterMovedNodes() {
  shards_[0]->Post([this](Shard&) {
    if (!metadata_->leads() || !metadata_->state().formed()) return;
    for (const NodeInfo& row : metadata_->state().nodes()) {
      const std::optional<NodeInfo> now = nodes_.Find(row.node);
      if (!now.has_value() || *now == row) continue;
      LogInfo("a node moved", {{"node", absl::StrCat(row.node.value())},
                               {"address", now->address},
                               {"client_address", now->client_address}});
      metadata_calls_->RegisterNode(*now, /*replaces=*/false,
                                    [](const auto&) {});
    }
  });
}

// Whoever joined later is met before this node serves, as the founders are.
absl::Status LocalNode::KnowNodes() {
  return RunOnMetadataShard([this](Shard&, Report report) {
    const std::vector<NodeInfo>& nodes = metadata_->state().nodes();
    if (!nodes.empty()) nodes_.SetCommitted(nodes);
    report(absl::OkStatus());
  });
}

absl::Status LocalNode::JoinNetwork() {
  NodeInfo self = options_.self;
  self.node = identity_.node_id;
  self.disk_id = identity_.disk_id;
  self.incarnation = identity_.incarnation;
  for (const NodeInfo& node : identity_.founders) nodes_.SetFounder(node);
  nodes_.SetTold(self);
  if (!options_.start_network) return absl::OkStatus();
  const absl::Status known = KnowNodes();
  if (!known.ok()) return known;
  NodeNetworkOptions network;
  network.identity = identity_;
  network.open_id = instance_;
  network.start = options_.start_network;
  network.callbacks = AnswersToNodes();
  network.router = &router_;
  network.nodes = &nodes_;
  network.clock = options_.clock;
  network.turns = options_.turns;
  network.generations = store_->generations();
  network.on_forgot = [this](const absl::Status& status) { OnForgot(status); };
  network.tick_us = options_.tick_us;
  network.silent_us = 20 * options_.tick_us;
  balance_ =
      std::make_unique<LeaderBalance>(&topics_, &router_, identity_.node_id);
  membership_ = std::make_unique<Membership>(&topics_, &router_, metadata_);
  network.on_look = [this](const NodeNetwork& network) {
    LookAtFitness(network);
    MakeDirectoryCurrent();
  };
  network.every_second = [this](const NodeNetwork& network) {
    const uint64_t changes = ChangesOf(router_, nodes_, network);
    membership_->Run(changes, SilentNodes(nodes_, network, identity_.node_id));
    RegisterMovedNodes();
    balance_->Run(changes,
                  [&network](NodeId node) { return IsSteady(network, node); });
  };
  auto started = NodeNetwork::Start(std::move(network));
  if (!started.ok()) return started.status();
  network_ = *std::move(started);
  joined_.store(true);
  // On the metadata group's shard from now on.
  shards_[0]->Post([this, network = network_.get()](Shard&) {
    metadata_->SetNodesChanged(
        [this, network](const std::vector<NodeInfo>& nodes) {
          if (nodes.empty()) return;  // the cluster is being formed
          nodes_.SetCommitted(nodes);
          // At a founder's first start that is the formation itself.
          const bool founds =
              std::any_of(identity_.founders.begin(), identity_.founders.end(),
                          [this](const NodeInfo& founder) {
                            return founder.disk_id == identity_.disk_id;
                          });
          if (founds && !identity_.formed) nodes_.SetCurrent(nodes);
          network->FollowDirectory();
        });
  });
  return absl::OkStatus();
}

void LocalNode::MakeDirectoryCurrent() {
  if (nodes_.current() || asks_current_.exchange(true)) return;
  shards_[0]->Post([this](Shard& shard) {
    metadata_->AfterReadPoint([this](const absl::Status& status) {
      const std::vector<NodeInfo>& nodes = metadata_->state().nodes();
      if (status.ok() && !nodes.empty()) nodes_.SetCurrent(nodes);
      asks_current_.store(false);
    });
    shard.Touch(metadata_);
  });
}

void LocalNode::OnForgot(const absl::Status& status) {
  for (const std::unique_ptr<Shard>& shard : shards_) shard->Mute();
  // Whoever knows it may be away at the next start.
  const absl::Status marked =
      options_.data_dir.empty()
          ? absl::OkStatus()
          : storage::MarkForgotten(options_.data_dir,
                                   std::string(status.message()));
  if (!marked.ok()) {
    LogError("that the data directory has forgotten is not written down",
             {{"error", std::string(marked.message())}});
  }
  LogError(
      "the data directory has forgotten what it promised: the node says "
      "nothing any more",
      {{"error", std::string(status.message())}});
  if (options_.on_forgot) options_.on_forgot(status);
}

void LocalNode::ShowStatus() {
  ClusterStatusContext context;
  context.identity = identity_;
  context.router = &router_;
  context.topics = &topics_;
  context.nodes = &nodes_;
  context.network = network_.get();
  context.disk = options_.disk.get();
  context.known_damage = known_damage_.get();
  context.clock = options_.clock;
  context.metadata = metadata_;
  context.waiting = &waiting_nodes_;
  if (!options_.data_dir.empty()) {
    set_aside_ = std::make_unique<SetAsideList>(options_.data_dir);
    context.set_aside = set_aside_.get();
  }
  cluster_status_ = std::make_unique<ClusterStatus>(std::move(context));
}

void LocalNode::LookAtFitness(const NodeNetwork& network) {
  const int64_t now_us = options_.clock->MonotonicUs();
  const int64_t median_ahead_us = network.MedianAheadUs();
  append_clock_.SetMedianAheadUs(median_ahead_us);
  NodeVitals vitals;
  if (options_.disk != nullptr) vitals.disk = options_.disk->level();
  vitals.commits = writer_->pulse();
  vitals.writes_stalled = store_->Condition().writes_stalled;
  vitals.clock_ahead_us = options_.clock->NowUs() - now_us - median_ahead_us;
  const raft::DiskHealth health = fitness_.Look(vitals, now_us);
  if (health == told_health_) return;
  told_health_ = health;
  if (health == raft::DiskHealth::kHealthy) {
    LogInfo("this node may lead again", {});
  } else if (health != raft::DiskHealth::kStalled) {
    LogWarning("others shall lead while they can",
               {{"reason", fitness_.reason()}});
  }
  for (const std::unique_ptr<Shard>& shard : shards_) {
    shard->Post([health](Shard& shard) { shard.SetDiskHealth(health); });
  }
}

void LocalNode::HandOver() {
  auto handed_over = std::make_shared<Latch>(shards_.size());
  for (const std::unique_ptr<Shard>& shard : shards_) {
    shard->Post([handed_over](Shard& shard) {
      shard.HandOver([handed_over] { handed_over->CountDown(); });
    });
  }
  Await(handed_over, kHandOverUsMax);
}

}  // namespace kappa::server
