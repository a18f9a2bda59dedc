#include "server/local_node.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "server/append_check.h"
#include "server/errors.h"
#include "server/formation_rules.h"
#include "server/join_answer.h"
#include "server/latch.h"
#include "server/logging.h"
#include "server/node_rows.h"
#include "server/random_uuid.h"
#include "storage/chain.h"

namespace kappa::server {
namespace {

using storage::LogStore;
using storage::ReplicaInfo;
using storage::ReplicaSpec;

constexpr size_t kReaderQueueMax = 4096;
constexpr size_t kChunkBytes = size_t{16} << 20;
constexpr int64_t kFinishUsMax = 3'000'000;
// A node that has been heard for so long is there to stay.
constexpr int64_t kSteadyUs = 5'000'000;
constexpr int64_t kHandOverUsMax = 1'500'000;

uint32_t ShardCount(uint32_t wanted) {
  if (wanted > 0) return wanted;
  return std::max(1u, std::thread::hardware_concurrency());
}

// Voters of the metadata group; further nodes only learn.
constexpr size_t kMetadataVotersMax = 5;

raft::Configuration FirstMetadataMembers(const Identity& identity) {
  raft::Configuration members;
  for (const NodeInfo& node : identity.founders) {
    const ReplicaId id{node.node, Incarnation(1)};
    (members.voters.size() < kMetadataVotersMax ? members.voters
                                                : members.learners)
        .push_back(id);
  }
  if (members.voters.empty()) {
    members.voters.push_back({identity.node_id, Incarnation(1)});
  }
  return members;
}

// What the first leader forms the cluster with; empty for a node alone.
storage::v1::FormClusterCommand FormationOf(const Identity& identity,
                                            const Clock& clock) {
  storage::v1::FormClusterCommand formation;
  if (identity.founders.empty()) return formation;
  formation.set_cluster_id(BytesOf(identity.cluster_id));
  formation.set_time_us(clock.NowUs());
  for (const NodeInfo& founder : identity.founders) {
    *formation.add_nodes() = NodeRowOf(founder);
  }
  return formation;
}

// Null, the defaults, for a node alone.
std::shared_ptr<const raft::CoreSettings> SettingsOf(
    const NodeOptions& options) {
  if (!options.start_network) return nullptr;
  raft::CoreSettings settings;
  // Three beats are missed before an election time is over.
  settings.heartbeat_ticks = 3;
  settings.quiesce_ticks = 50;
  return std::make_shared<const raft::CoreSettings>(settings);
}

absl::Status ShuttingDown() {
  return MakeError(v1::ERROR_REASON_SHUTTING_DOWN, "the node shuts down");
}

}  // namespace

LocalNode::LocalNode(NodeOptions options, std::unique_ptr<LogStore> store,
                     const Identity& identity, std::function<void()> on_written)
    : options_(std::move(options)),
      identity_(identity),
      on_written_(std::move(on_written)),
      append_clock_(options_.clock),
      append_budget_(options_.append_queue_bytes),
      store_(std::move(store)) {}

absl::StatusOr<std::unique_ptr<LocalNode>> LocalNode::OpenOn(
    NodeOptions options, std::unique_ptr<LogStore> store,
    const Identity& identity, std::function<void()> on_written) {
  KAPPA_CHECK(options.clock != nullptr && options.on_fatal,
              "a node needs a clock, and somebody to end the process");
  std::unique_ptr<LocalNode> node(new LocalNode(
      std::move(options), std::move(store), identity, std::move(on_written)));
  absl::Status status = node->LoadKnownDamage();
  if (status.ok()) status = node->CheckClock();
  if (status.ok()) status = node->FindMetadataReplica();
  if (!status.ok()) return status;
  node->StartThreads();
  status = node->OpenMetadata();
  if (status.ok()) status = node->FormOrCheckCluster();
  if (status.ok()) status = node->ReconcileReplicas();
  if (!status.ok()) return status;
  node->PlacePartitions();
  node->PublishTopics();
  status = node->JoinNetwork();
  if (!status.ok()) return status;
  node->ShowStatus();
  return node;
}

// --- opening ---

absl::Status LocalNode::LoadKnownDamage() {
  const std::string& data_dir = options_.data_dir;
  absl::StatusOr<std::unique_ptr<storage::KnownDamage>> known =
      storage::KnownDamage::Load(
          data_dir.empty() ? "" : data_dir + "/damage",
          [this](const absl::Status& status) { OnFatal(status); });
  if (!known.ok()) return known.status();
  known_damage_ = *std::move(known);
  return absl::OkStatus();
}

absl::Status LocalNode::CheckClock() const {
  int64_t newest_us = 0;
  for (const ReplicaInfo& replica : store_->Replicas()) {
    absl::StatusOr<storage::ReplicaPosition> position =
        store_->Position(replica.number);
    if (!position.ok()) return position.status();
    newest_us = std::max(newest_us, position->last_append_time_us);
  }
  if (options_.accept_clock_behind || !append_clock_.IsFarBehind(newest_us)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the clock is more than 24 h behind the newest entry: it shows ",
      options_.clock->NowUs(), " us since 1970, the entry was appended at ",
      newest_us, "; set the clock, or accept it explicitly"));
}

absl::Status LocalNode::FindMetadataReplica() {
  const std::vector<ReplicaInfo> replicas = store_->Replicas();
  for (const ReplicaInfo& replica : replicas) {
    if (replica.spec.group == kMetadataGroup) metadata_replica_ = replica;
  }
  if (metadata_replica_.has_value()) return absl::OkStatus();
  if (identity_.formed || !replicas.empty()) {
    return absl::DataLossError(
        "the directory belongs to a cluster, but holds no metadata group");
  }
  ReplicaSpec spec;
  spec.group = kMetadataGroup;
  spec.configuration = FirstMetadataMembers(identity_);
  spec.self = self();
  spec.chain_start = storage::ChainStart(identity_.cluster_id, 0);
  absl::StatusOr<std::vector<ReplicaNumber>> numbers =
      store_->CreateReplicas({spec});
  if (!numbers.ok()) return numbers.status();
  metadata_replica_ = ReplicaInfo{numbers->front(), spec};
  return absl::OkStatus();
}

void LocalNode::StartThreads() {
  const uint32_t shards = ShardCount(options_.shards);
  log_reader_ = std::make_unique<LogReader>(store_.get(), known_damage_.get(),
                                            kChunkBytes);
  readers_ = std::make_unique<ReaderPool>(std::max(1u, options_.reader_threads),
                                          kReaderQueueMax);
  storage::LogWriterOptions writer_options;
  writer_options.queue_bytes_max = options_.append_queue_bytes;
  const auto on_fatal = [this](const absl::Status& status) { OnFatal(status); };
  writer_options.on_fatal = on_fatal;
  writer_ = std::make_unique<storage::LogWriter>(store_.get(),
                                                 std::move(writer_options));
  ShardServices services;
  services.store = store_.get();
  services.writer = writer_.get();
  services.readers = readers_.get();
  services.log_reader = log_reader_.get();
  services.known_damage = known_damage_.get();
  services.clock = options_.clock;
  services.append_clock = &append_clock_;
  services.disk = options_.disk.get();
  const Uuid instance = RandomUuid();
  std::memcpy(&instance_, instance.data(), sizeof(instance_));
  services.instance = instance_;
  services.nodes = &nodes_;
  services.core_settings = SettingsOf(options_);
  ShardOptions shard_options;
  shard_options.window_bytes = options_.window_bytes / shards;
  for (uint32_t i = 0; i < shards; ++i) {
    shards_.push_back(std::make_unique<Shard>(shard_options, services));
    router_.AddShard(shards_.back().get());
  }
  host_context_ = {.self = self(),
                   .writer = writer_.get(),
                   .log_reader = log_reader_.get(),
                   .topics = &topics_,
                   .router = &router_,
                   .on_fatal = on_fatal};
}

absl::Status LocalNode::RunOnMetadataShard(
    absl::AnyInvocable<void(Shard&, Report)> work) {
  auto latch = std::make_shared<Latch>(1);
  auto result = std::make_shared<absl::Status>();
  shards_[0]->Post(
      [latch, result, work = std::move(work)](Shard& shard) mutable {
        work(shard, [latch, result](const absl::Status& status) {
          *result = status;
          latch->CountDown();
        });
      });
  latch->Wait();
  return *result;
}

absl::Status LocalNode::RunOnWriter(
    absl::AnyInvocable<absl::Status(LogStore*)> work) {
  auto latch = std::make_shared<Latch>(1);
  auto result = std::make_shared<absl::Status>();
  writer_->Run(std::move(work), [latch, result](absl::Status status) {
    *result = std::move(status);
    latch->CountDown();
  });
  latch->Wait();
  return *result;
}

absl::Status LocalNode::OpenMetadata() {
  return RunOnMetadataShard([this](Shard& shard, Report report) {
    absl::StatusOr<std::unique_ptr<MetadataGroup>> metadata =
        MetadataGroup::Open(*metadata_replica_, &shard.services(),
                            FormationOf(identity_, *options_.clock));
    if (!metadata.ok()) return report(metadata.status());
    metadata_ = metadata->get();
    const bool alone = metadata_->sole_voter();
    if (alone) metadata_->Campaign(report);
    shard.AddGroup(*std::move(metadata));
    if (!alone) report(absl::OkStatus());
  });
}

absl::Status LocalNode::FormOrCheckCluster() {
  const std::string cluster_id = BytesOf(identity_.cluster_id);
  return RunOnMetadataShard([this, cluster_id](Shard& shard, Report report) {
    if (metadata_->state().formed()) {
      if (metadata_->state().cluster().cluster_id() == cluster_id) {
        return report(absl::OkStatus());
      }
      return report(absl::FailedPreconditionError(
          "the directory's metadata belongs to another cluster"));
    }
    if (!metadata_->sole_voter()) return report(absl::OkStatus());
    storage::v1::MetadataCommand command;
    storage::v1::FormClusterCommand* form = command.mutable_form_cluster();
    form->set_cluster_id(cluster_id);
    form->set_time_us(options_.clock->NowUs());
    storage::v1::NodeDisk* node = form->add_nodes();
    node->set_node_id(identity_.node_id.value());
    node->set_disk_id(BytesOf(identity_.disk_id));
    metadata_->Execute(std::move(command),
                       [report](absl::StatusOr<CommandOutcome> outcome) {
                         report(outcome.status());
                       });
    shard.Touch(metadata_);
  });
}

absl::Status LocalNode::ReconcileReplicas() {
  std::map<GroupId, ReplicaNumber> present;
  for (const ReplicaInfo& replica : store_->Replicas()) {
    present[replica.spec.group] = replica.number;
  }
  std::vector<ReplicaSpec> missing;
  std::vector<ReplicaNumber> dropped;
  std::vector<std::string> dropped_topics;
  std::vector<ElsewhereGroup> elsewhere;
  const absl::Status looked = RunOnMetadataShard([&](Shard&, Report report) {
    for (const auto& [name, topic] : metadata_->state().topics().topics()) {
      const uint32_t partitions =
          static_cast<uint32_t>(topic.snapshot->groups.size());
      for (uint32_t i = 0; i < partitions; ++i) {
        const TopicSnapshot& snapshot = *topic.snapshot;
        if (present.contains(snapshot.groups[i])) continue;
        if (IsHost(snapshot, i, self())) {
          missing.push_back(SpecOf(snapshot, i, self()));
        } else {
          elsewhere.push_back(
              {snapshot.groups[i], snapshot.VotersOf(i).front().node});
        }
      }
    }
    for (const auto& [uuid, groups] : metadata_->state().pending_drops()) {
      dropped_topics.push_back(uuid);
      for (const GroupId group : groups) {
        const auto found = present.find(group);
        if (found != present.end()) dropped.push_back(found->second);
      }
    }
    report(absl::OkStatus());
  });
  if (!looked.ok()) return looked;
  TellElsewhere(router_, elsewhere);
  const absl::Status written = RunOnWriter([&](LogStore* store) {
    if (!missing.empty()) {
      absl::StatusOr<std::vector<ReplicaNumber>> numbers =
          store->CreateReplicas(missing);
      if (!numbers.ok()) return numbers.status();
    }
    return dropped.empty() ? absl::OkStatus() : store->DropReplicas(dropped);
  });
  if (!written.ok() || dropped_topics.empty()) return written;
  return RunOnMetadataShard([&](Shard& shard, Report report) {
    for (const std::string& uuid : dropped_topics) {
      metadata_->ForgetPendingDrop(uuid);
    }
    shard.Touch(metadata_);
    report(absl::OkStatus());
  });
}

void LocalNode::PlacePartitions() {
  std::vector<ReplicaInfo> replicas = store_->Replicas();
  std::erase_if(replicas, [](const ReplicaInfo& replica) {
    return replica.spec.group == kMetadataGroup;
  });
  auto placed = std::make_shared<Latch>(1);
  PlaceOnShards(router_, std::move(replicas),
                [placed] { placed->CountDown(); });
  placed->Wait();
}

void LocalNode::PublishTopics() {
  host_ = std::make_unique<PartitionHost>(&host_context_, metadata_);
  metadata_calls_ = std::make_unique<MetadataCalls>(
      &router_, metadata_, options_.clock, [this] { return peers(); });
  const absl::Status published =
      RunOnMetadataShard([this](Shard&, Report report) {
        for (const auto& [name, topic] : metadata_->state().topics().topics()) {
          topics_.Publish(topic.snapshot);
        }
        known_producers_ = metadata_->state().producers().known();
        metadata_->SetEffects(
            [host = host_.get()](const TopicChange& change, bool deleted,
                                 absl::AnyInvocable<void()> then) {
              host->MakeReal(change, deleted, std::move(then));
            });
        report(absl::OkStatus());
      });
  KAPPA_CHECK(published.ok(), "publishing cannot fail");
}

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

void LocalNode::JoinNode(raft::v1::JoinRequest request,
                         PeerCallbacks::Done<raft::v1::JoinResponse> done) {
  metadata_calls_->RegisterNode(
      FromClusterNode(request.self()),
      [this,
       done = std::move(done)](absl::StatusOr<RegisteredNode> node) mutable {
        if (!node.ok()) return done(WithLeaderPeer(node.status(), nodes_));
        done(JoinResponseOf(identity_, options_.self, node->node, node->nodes));
      });
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
      metadata_calls_->RegisterNode(*now, [](const auto&) {});
    }
  });
}

absl::Status LocalNode::JoinNetwork() {
  NodeInfo self = options_.self;
  self.node = identity_.node_id;
  self.disk_id = identity_.disk_id;
  for (const NodeInfo& node : identity_.founders) nodes_.SetFounder(node);
  nodes_.SetTold(self);
  if (!options_.start_network) return absl::OkStatus();
  NodeNetworkOptions network;
  network.identity = identity_;
  network.open_id = instance_;
  network.start = options_.start_network;
  network.callbacks = AnswersToNodes();
  network.router = &router_;
  network.nodes = &nodes_;
  network.clock = options_.clock;
  network.tick_us = options_.tick_us;
  network.silent_us = 20 * options_.tick_us;
  balance_ =
      std::make_unique<LeaderBalance>(&topics_, &router_, identity_.node_id);
  membership_ = std::make_unique<Membership>(&topics_, &router_, metadata_);
  network.on_look = [this](const NodeNetwork& network) {
    append_clock_.SetMedianAheadUs(network.MedianAheadUs());
  };
  network.every_second = [this](const NodeNetwork& network) {
    membership_->Run();
    RegisterMovedNodes();
    balance_->Run([&network](NodeId node) {
      return network.AliveForUs(node) >= kSteadyUs;
    });
  };
  auto started = NodeNetwork::Start(std::move(network));
  if (!started.ok()) return started.status();
  network_ = *std::move(started);
  // On the metadata group's shard from now on.
  shards_[0]->Post([this, network = network_.get()](Shard&) {
    metadata_->SetNodesChanged(
        [this, network](const std::vector<NodeInfo>& nodes) {
          if (nodes.empty()) return;  // the cluster is being formed
          nodes_.SetCommitted(nodes);
          network->FollowDirectory();
        });
  });
  return absl::OkStatus();
}

void LocalNode::ShowStatus() {
  ClusterStatusContext context;
  context.identity = identity_;
  context.router = &router_;
  context.topics = &topics_;
  context.nodes = &nodes_;
  context.network = network_.get();
  context.disk = options_.disk.get();
  context.clock = options_.clock;
  context.metadata = metadata_;
  context.waiting = &waiting_nodes_;
  context.scrub = [this] { return GetScrubStatus(); };
  cluster_status_ = std::make_unique<ClusterStatus>(std::move(context));
}

void LocalNode::OnFatal(const absl::Status& status) {
  failed_.store(true);
  options_.on_fatal(status);
}

// --- shutting down ---

LocalNode::~LocalNode() { Shutdown(); }

void LocalNode::HandOver() {
  auto handed_over = std::make_shared<Latch>(shards_.size());
  for (const std::unique_ptr<Shard>& shard : shards_) {
    shard->Post([handed_over](Shard& shard) {
      shard.HandOver([handed_over] { handed_over->CountDown(); });
    });
  }
  handed_over->WaitFor(kHandOverUsMax);
}

void LocalNode::Shutdown() {
  shutting_down_.store(true);
  if (stopped_) return;
  stopped_ = true;
  if (scrub_ != nullptr) scrub_->Stop();
  if (network_ != nullptr && !failed_.load()) HandOver();
  auto finished = std::make_shared<Latch>(shards_.size());
  for (const std::unique_ptr<Shard>& shard : shards_) {
    shard->Post([finished](Shard& shard) {
      shard.Finish(ShuttingDown(), [finished] { finished->CountDown(); });
    });
  }
  // After a failed write nothing is completed any more.
  if (!failed_.load()) finished->WaitFor(kFinishUsMax);
  if (network_ != nullptr) network_->Stop();
  for (const std::unique_ptr<Shard>& shard : shards_) shard->Stop();
  // Their jobs and completions find the shards closed, but there.
  readers_.reset();
  writer_.reset();
  if (on_written_) on_written_();
}

template <typename T>
bool LocalNode::RefuseClosed(Callback<T>& done) const {
  if (!shutting_down_.load(std::memory_order_relaxed)) return false;
  done(ShuttingDown());
  return true;
}

absl::Status LocalNode::CheckRoom() const {
  return options_.disk == nullptr ? absl::OkStatus()
                                  : options_.disk->CheckAccepting();
}

template <typename T>
bool LocalNode::RefuseFull(Callback<T>& done) const {
  absl::Status status = CheckRoom();
  if (status.ok()) return false;
  done(std::move(status));
  return true;
}

template <typename T>
bool LocalNode::RefuseCritical(Callback<T>& done) const {
  if (options_.disk == nullptr) return false;
  absl::Status status = options_.disk->CheckNotCritical();
  if (status.ok()) return false;
  done(std::move(status));
  return true;
}

// --- topics and producers ---

std::shared_ptr<const TopicSnapshot> LocalNode::FindTopic(
    std::string_view name) const {
  return topics_.Find(name);
}

std::vector<std::shared_ptr<const TopicSnapshot>> LocalNode::ListTopics(
    std::string_view prefix, std::string_view after, size_t count) const {
  return topics_.List(prefix, after, count);
}

void LocalNode::SyncTopics(absl::AnyInvocable<void(const absl::Status&)> done) {
  if (shutting_down_.load(std::memory_order_relaxed)) {
    return done(ShuttingDown());
  }
  if (network_ == nullptr) return done(absl::OkStatus());
  metadata_calls_->AfterReadPoint(
      [this, done = std::move(done)](const absl::Status& status) mutable {
        if (!status.ok()) return done(status);
        host_->WhenReal(
            [done = std::move(done)]() mutable { done(absl::OkStatus()); });
      });
}

void LocalNode::CreateTopic(v1::CreateTopicRequest request,
                            Callback<v1::CreateTopicResponse> done) {
  if (RefuseClosed(done) || RefuseFull(done)) return;
  metadata_calls_->CreateTopic(request, std::move(done));
}

void LocalNode::UpdateTopic(v1::UpdateTopicRequest request,
                            Callback<v1::UpdateTopicResponse> done) {
  if (RefuseClosed(done) || RefuseCritical(done)) return;
  metadata_calls_->UpdateTopic(std::move(request), std::move(done));
}

void LocalNode::DeleteTopic(v1::DeleteTopicRequest request,
                            Callback<v1::DeleteTopicResponse> done) {
  if (RefuseClosed(done) || RefuseCritical(done)) return;
  metadata_calls_->DeleteTopic(std::move(request), std::move(done));
}

void LocalNode::AddPartitions(v1::AddPartitionsRequest request,
                              Callback<v1::AddPartitionsResponse> done) {
  if (RefuseClosed(done) || RefuseFull(done)) return;
  metadata_calls_->AddPartitions(std::move(request), std::move(done));
}

void LocalNode::OpenProducer(v1::OpenProducerRequest request,
                             Callback<v1::OpenProducerResponse> done) {
  if (RefuseClosed(done) || RefuseFull(done)) return;
  metadata_calls_->OpenProducer(std::move(request), std::move(done));
}

void LocalNode::GetProducer(v1::GetProducerRequest request,
                            Callback<v1::GetProducerResponse> done) {
  if (RefuseClosed(done)) return;
  metadata_calls_->GetProducer(std::move(request), std::move(done));
}

// --- partitions ---

namespace {

// What an append holds until it is answered: its payload, its state (in the
// pending entry and in the write), and about a kilobyte of headers, queue slots
// and callbacks.
size_t MemoryOf(const AppendCommand& command) {
  constexpr size_t kFixedBytes = 1024;
  const size_t state_bytes =
      command.producer.has_value() ? command.producer->state().size() : 0;
  return command.batch.payload.bytes() + 2 * state_bytes + kFixedBytes;
}

}  // namespace

absl::Status LocalNode::CheckAppend(const AppendCommand& command) const {
  if (shutting_down_.load(std::memory_order_relaxed)) return ShuttingDown();
  // One with a producer may be a repetition, which needs no room: the partition
  // asks.
  if (!command.producer.has_value()) return CheckRoom();
  const v1::ProducerSequence& producer = *command.producer;
  const absl::Status legal = CheckProducerSequence(producer);
  if (!legal.ok()) return legal;
  if (producer.epoch() > 0 &&
      !known_producers_->WasOpened(producer.id(), producer.epoch())) {
    return NeverOpened(producer);
  }
  return absl::OkStatus();
}

void LocalNode::RefuseUnknown(const v1::ProducerSequence& producer,
                              Callback<AppendResult> done) {
  auto answer = std::make_shared<Callback<AppendResult>>(std::move(done));
  Shard::Task ask = [this, producer, answer](Shard& shard) {
    shard.Touch(metadata_);
    metadata_->AfterReadPoint([this, producer,
                               answer](const absl::Status& status) {
      absl::Status refusal = NeverOpened(producer);
      if (!status.ok()) {
        refusal = status;
      } else if (known_producers_->WasOpened(producer.id(), producer.epoch())) {
        refusal = MakeError(v1::ERROR_REASON_OVERLOADED,
                            "this node has learnt of the producer just now",
                            {{"retry_after_ms", "1"}});
      }
      refusals_.Count(refusal);
      (*answer)(std::move(refusal));
    });
  };
  if (shards_[0]->TryPost(ask)) return;
  refusals_.Count(shards_[0]->Refusal());
  (*answer)(shards_[0]->Refusal());
}

void LocalNode::Append(AppendCommand command, Callback<AppendResult> done) {
  PendingAppend append;
  absl::Status refusal = CheckAppend(command);
  if (!refusal.ok() && network_ != nullptr && command.producer.has_value() &&
      ErrorInfoOf(refusal).reason() == "PRODUCER_UNKNOWN") {
    // Another node may have opened it, and this one not heard of it yet.
    return RefuseUnknown(*command.producer, std::move(done));
  }
  if (refusal.ok()) {
    append.permit = append_budget_.TryAcquire(MemoryOf(command));
    if (!append.permit) {
      refusal = MakeError(v1::ERROR_REASON_OVERLOADED,
                          "too many bytes are waiting to be appended",
                          {{"retry_after_ms", "50"}});
    }
  }
  if (!refusal.ok()) {
    refusals_.Count(refusal);
    return done(std::move(refusal));
  }
  append.done = std::move(done);
  const GroupId group = command.group;
  router_.ShardOf(group)->Append(std::move(command), std::move(append));
}

void LocalNode::GetEnd(GroupId group, v1::Consistency consistency,
                       Callback<PartitionEnd> done) {
  if (RefuseClosed(done)) return;
  router_.Route<PartitionEnd>(
      group, std::move(done),
      [consistency](Partition& partition, Callback<PartitionEnd> done) {
        partition.GetEnd(consistency, std::move(done));
      });
}

void LocalNode::FindTime(GroupId group, int64_t time_us,
                         Callback<Offset> done) {
  if (RefuseClosed(done)) return;
  router_.Route<Offset>(group, std::move(done),
                        [time_us](Partition& partition, Callback<Offset> done) {
                          partition.FindTime(time_us, std::move(done));
                        });
}

void LocalNode::Read(ReadCommand command, Callback<ReadChunk> done) {
  if (RefuseClosed(done)) return;
  router_.Route<ReadChunk>(
      command.group, std::move(done),
      [command](Partition& partition, Callback<ReadChunk> done) {
        partition.Read(command, std::move(done));
      });
}

uint64_t LocalNode::WaitForEnd(GroupId group, Offset offset,
                               Callback<Offset> done) {
  const uint64_t token = next_wait_token_.fetch_add(1);
  if (RefuseClosed(done)) return token;
  router_.Route<Offset>(
      group, std::move(done),
      [token, offset](Partition& partition, Callback<Offset> done) {
        partition.WaitForEnd(token, offset, std::move(done));
      });
  return token;
}

void LocalNode::CancelWait(GroupId group, uint64_t token) {
  router_.ShardOf(group)->Post([group, token](Shard& shard) {
    Partition* const partition = shard.FindAwake(group);
    if (partition != nullptr) partition->CancelWait(token);
  });
}

NodeStats LocalNode::Stats() const {
  NodeStats stats;
  for (const std::unique_ptr<Shard>& shard : shards_) {
    stats.shards.push_back(shard->stats());
    const ShardCounters& counters = shard->counters();
    stats.positions.last += counters.last_index.value();
    stats.positions.committed += counters.committed_index.value();
    stats.positions.end_offset += counters.end_offset.value();
    stats.metadata_applied_index += counters.metadata_applied.value();
    stats.named_producers += counters.named_producers.value();
  }
  if (readers_ != nullptr) {
    const ReaderPool::Stats pool = readers_->stats();
    stats.readers.queued_points = pool.queued_points;
    stats.readers.queued_replays = pool.queued_replays;
    stats.readers.active = pool.active;
    stats.readers.refusals = pool.refusals;
    stats.readers.point_reads = pool.points;
    stats.readers.replay_reads = pool.replays;
  }
  stats.readers.bytes = log_reader_->bytes_read();
  stats.readers.shared_chunks = log_reader_->shared_chunks();
  stats.readers.chunk_bytes = log_reader_->chunk_bytes();
  if (writer_ != nullptr) stats.writer = writer_->stats();
  stats.topics = topics_.size();
  stats.partitions = topics_.partitions();
  stats.in_flight_append_bytes = append_budget_.used();
  stats.store = store_->Condition();
  refusals_.AddTo(&stats.refusals);
  if (options_.disk != nullptr) {
    stats.disk.level = static_cast<uint64_t>(options_.disk->level());
    stats.disk.low_bytes = options_.disk->low_bytes();
    stats.disk.critical_bytes = options_.disk->critical_bytes();
    stats.disk.ballast_bytes = options_.disk->ballast_bytes();
    stats.disk.refusals = options_.disk->refusals();
  }
  return stats;
}

std::vector<PartitionStats> LocalNode::Partitions(size_t count) const {
  std::map<GroupId, ReplicaNumber> replicas;
  for (const ReplicaInfo& replica : store_->Replicas()) {
    replicas[replica.spec.group] = replica.number;
  }
  std::vector<PartitionStats> partitions;
  // As many topics as can be among the first `count` partitions.
  for (const auto& topic : topics_.List("", "", count)) {
    for (uint32_t i = 0; i < topic->groups.size(); ++i) {
      if (partitions.size() == count) return partitions;
      const auto replica = replicas.find(topic->groups[i]);
      if (replica == replicas.end()) continue;
      const absl::StatusOr<storage::ReplicaPosition> position =
          store_->Position(replica->second);
      if (!position.ok()) continue;  // it is being dropped
      partitions.push_back({.topic = topic->topic.name(),
                            .partition = i,
                            .last_index = position->last.index.value(),
                            .first_offset = position->base.offset.value(),
                            .end_offset = position->end_offset.value()});
    }
  }
  return partitions;
}

// --- maintenance ---

void LocalNode::KeepScrubbing(const ScrubSettings& settings) {
  KAPPA_CHECK(scrub_ == nullptr, "a node scrubs once");
  NodeScrubOptions scrub;
  scrub.data_dir = options_.data_dir;
  scrub.settings = settings;
  scrub.clock = options_.clock;
  scrub.known_damage = known_damage_.get();
  scrub.on_fatal = [this](const absl::Status& status) { OnFatal(status); };
  scrub_ = std::make_unique<NodeScrub>(scrub, store_.get(), &topics_, &router_);
}

v1::ScrubStatus LocalNode::GetScrubStatus() const {
  return scrub_ == nullptr ? v1::ScrubStatus() : scrub_->Status();
}

uint64_t LocalNode::StartScrub() {
  return scrub_ == nullptr ? 0 : scrub_->Start();
}

}  // namespace kappa::server
