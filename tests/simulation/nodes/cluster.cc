#include "tests/simulation/nodes/cluster.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/wire/check.h"
#include "server/formation_rules.h"
#include "server/random_uuid.h"
#include "tests/simulation/nodes/log_poller.h"

namespace kappa::node_simulation {
namespace {

constexpr int64_t kLookUs = 10'000;
// How far back from the end an entry that was acknowledged may stand.
constexpr uint64_t kLookBack = 200;

Uuid UuidFrom(simulation::RandomSource* random) {
  Uuid uuid;
  const uint64_t halves[2] = {random->Next(), random->Next()};
  std::memcpy(uuid.data(), halves, sizeof(uuid));
  return uuid;
}

}  // namespace

Cluster::Cluster(World* world)
    : world_(world), network_(world), watch_(world), history_(world) {
  around_.world = world;
  around_.nodes = &nodes_;
  around_.history = &history_;
  AddFounders();
  AddClients();
}

Cluster::~Cluster() = default;

server::NodeInfo Cluster::InfoOf(uint64_t id) {
  server::NodeInfo info;
  info.node = NodeId(id);
  info.disk_id = UuidFrom(&world_->ids);
  info.address = absl::StrCat("peer", id, ":1");
  info.client_address = absl::StrCat("client", id, ":1");
  if (world_->options.racks > 1) {
    info.rack = absl::StrCat("rack", id % world_->options.racks);
  }
  return info;
}

SimulatedNode* Cluster::AddSimulatedNode(const server::NodeInfo& self,
                                         const server::Identity& identity) {
  nodes_.push_back(std::make_unique<SimulatedNode>(
      world_, &network_, &watch_, [this] { Step(); }, self, identity));
  SimulatedNode* const node = nodes_.back().get();
  node->clock.since_us = world_->ids.Between(1'000'000, 90'000'000);
  node->clock.ahead_us = world_->ids.Between(-300'000, 300'000);
  return node;
}

void Cluster::AddFounders() {
  founding_.cluster_id = UuidFrom(&world_->ids);
  for (uint64_t id = 1; id <= world_->options.nodes; ++id) {
    founding_.founders.push_back(InfoOf(id));
  }
  for (const server::NodeInfo& founder : founding_.founders) {
    server::Identity identity = founding_;
    identity.node_id = founder.node;
    identity.disk_id = founder.disk_id;
    StartIn(AddSimulatedNode(founder, identity), 0);
  }
}

void Cluster::AddClients() {
  uint64_t process = 0;
  const auto add = [&](auto client) {
    clients_.push_back(std::move(client));
    return clients_.back().get();
  };
  auto admin = std::make_unique<TopicAdmin>(&around_, ++process);
  admin_ = admin.get();
  add(std::move(admin));
  const auto appender = [&](AppenderKind kind, const std::string& producer) {
    add(std::make_unique<Appender>(&around_, ++process, kind, producer,
                                   [this](SimulatedNode& node, GroupId group,
                                          const server::AppendResult& result) {
                                     CheckAcknowledged(node, group, result);
                                   }));
  };
  appender(AppenderKind::kNamed, "alpha");
  appender(AppenderKind::kNamed, "alpha");  // each fences the other
  appender(AppenderKind::kNamed, "beta");
  appender(AppenderKind::kSession, "");
  appender(AppenderKind::kSession, "");
  appender(AppenderKind::kConditional, "");
  appender(AppenderKind::kConditional, "");
  appender(AppenderKind::kPlain, "");
  add(std::make_unique<LogPoller>(&around_, ++process, /*replays=*/false));
  add(std::make_unique<LogPoller>(&around_, ++process, /*replays=*/false));
  add(std::make_unique<LogPoller>(&around_, ++process, /*replays=*/true));
  add(std::make_unique<EndAsker>(&around_, ++process));
  add(std::make_unique<EndAsker>(&around_, ++process));
  admin_->Create("orders", world_->options.partitions, world_->options.replicas,
                 /*workload=*/true);
  admin_->Create("events", 2, 3, /*workload=*/true);
}

// --- time ---

void Cluster::Step() {
  world_->now_us += kStepUs;
  if (before_step_) before_step_();
  StartDue();
  network_.Step();
  for (const auto& client : clients_) client->Step();
  // Others may be added meanwhile.
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]->Step()) continue;
    nodes_[i]->Kill(false);
    StartIn(nodes_[i].get(), world_->disks.Between(100'000, 1'500'000));
  }
  if (world_->now_us - looked_us_ >= kLookUs) {
    looked_us_ = world_->now_us;
    LookAround();
  }
}

void Cluster::LookAround() {
  for (const auto& [group, look] : LookAtGroups(nodes_, &watch_)) {
    if ((look.situations & BitOf(Situation::kMemberChange)) != 0) {
      changing_.insert(group);
    } else if (look.leader.has_value() && changing_.erase(group) > 0) {
      ++world_->counts.member_changes;
    }
  }
}

void Cluster::RunFor(int64_t us) {
  const int64_t end_us = world_->now_us + us;
  while (world_->now_us < end_us && world_->breach.empty()) Step();
}

void Cluster::StartIn(SimulatedNode* node, int64_t us) {
  starts_us_[node] = world_->now_us + us;
}

void Cluster::StartAll() {
  for (const auto& node : nodes_) {
    if (!node->up() && !node->homeless()) StartIn(node.get(), 0);
  }
}

void Cluster::StartDue() {
  // Another may start while this one does.
  const auto next = [this]() -> SimulatedNode* {
    for (const auto& node : nodes_) {
      const auto start = starts_us_.find(node.get());
      if (start == starts_us_.end() || start->second > world_->now_us) continue;
      if (node->put_back() != nullptr &&
          !RememberedBeyond(*node, *node->put_back(), /*reached=*/true)) {
        continue;
      }
      starts_us_.erase(start);
      return node.get();
    }
    return nullptr;
  };
  while (SimulatedNode* const node = next()) {
    if (!node->up() && !node->homeless()) node->Start();
    if (node->homeless()) {
      Replace(node);
    } else if (!node->up()) {
      StartIn(node, world_->disks.Between(1'000, 300'000));
    }
  }
}

// --- another node ---

void Cluster::AddNode() {
  if (adding_) return;
  adding_ = true;
  const server::NodeInfo self = InfoOf(nodes_.size() + 1);
  raft::v1::JoinRequest request;
  request.set_protocol_version(1);
  *request.mutable_self() = server::ToClusterNode(self);
  AskToJoin(world_->network.Below(nodes_.size()), std::move(request),
            [this](const auto& self, const auto& identity) {
              StartIn(AddSimulatedNode(self, identity), 1'000);
              ++world_->counts.nodes_joined;
              adding_ = false;
            });
}

void Cluster::AskToJoin(
    size_t at, raft::v1::JoinRequest request,
    std::function<void(const server::NodeInfo&, const server::Identity&)>
        joined) {
  network_.Join(
      nodes_[at]->id(), request,
      [this, request, joined](absl::StatusOr<raft::v1::JoinResponse> response) {
        if (!response.ok()) {
          // Another one is asked; the same disk gets the same answer.
          network_.After(200'000, [this, request, joined] {
            AskToJoin(world_->network.Below(nodes_.size()), request, joined);
          });
          return;
        }
        const server::NodeInfo self = server::FromClusterNode(response->self());
        server::Identity identity;
        identity.cluster_id =
            server::UuidOf(response->formation().cluster_id());
        identity.node_id = self.node;
        identity.disk_id = self.disk_id;
        identity.incarnation = self.incarnation;
        for (const auto& founder : response->formation().nodes()) {
          identity.founders.push_back(server::FromClusterNode(founder));
        }
        joined(self, identity);
      });
}

// --- clients ---

void Cluster::StopClients() {
  for (const auto& client : clients_) client->Stop();
}

bool Cluster::ClientsIdle() const {
  return std::all_of(clients_.begin(), clients_.end(),
                     [](const auto& client) { return client->idle(); });
}

bool Cluster::Holds(const SimulatedNode& node, GroupId group,
                    const server::AppendResult& result) const {
  const storage::LogStore& store = node.disk().stored();
  for (const storage::ReplicaInfo& replica : store.Replicas()) {
    if (replica.spec.group != group) continue;
    const auto position = store.Position(replica.number);
    if (!position.ok()) return false;
    const uint64_t last = position->last.index.value();
    for (uint64_t back = 0; back < std::min(last, kLookBack); ++back) {
      const auto header =
          store.ReadHeader(replica.number, LogIndex(last - back));
      if (!header.ok()) return false;
      if (header->chain == result.chain) return true;
    }
  }
  return false;
}

void Cluster::CheckAcknowledged(SimulatedNode& node, GroupId group,
                                const server::AppendResult& result) {
  world_->Trace(4, result.base_offset.value());
  if (result.duplicate) return;
  raft::Configuration members;
  node.ForEachGroup([&](const server::ShardGroup& here) {
    if (here.group() == group) members = here.core().configuration();
  });
  if (members.voters.empty()) return;
  const auto majority = [&](const std::vector<ReplicaId>& voters) {
    size_t hold = 0;
    for (const ReplicaId& voter : voters) {
      for (const auto& other : nodes_) {
        const ReplicaId here = {other->id(), other->self().incarnation};
        if (here == voter && Holds(*other, group, result)) ++hold;
      }
    }
    // A replica that was just made a voter need not hold what was committed
    // before it was one.
    const size_t promoted = changing_.contains(group) ? 1 : 0;
    // And one may have lost it since it acknowledged.
    const size_t lost = lost_ != nullptr ? 2 : 0;
    return hold * 2 + promoted + lost > voters.size();
  };
  if (majority(members.voters) || majority(members.outgoing_voters)) return;
  std::vector<std::string> voters;
  for (const ReplicaId& voter : members.voters) {
    voters.push_back(absl::StrCat(voter.node.value()));
  }
  std::vector<std::string> holders;
  for (const auto& other : nodes_) {
    if (!Holds(*other, group, result)) continue;
    holders.push_back(absl::StrCat(other->id().value()));
  }
  world_->Fail(absl::StrCat(
      "group ", group.value(), " offset ", result.base_offset.value(),
      " is acknowledged by node ", node.id().value(),
      ", but only the disks of nodes ", absl::StrJoin(holders, ", "),
      " hold it, of voters ", absl::StrJoin(voters, ", "),
      members.joint() ? " (joint)" : ""));
}

}  // namespace kappa::node_simulation
