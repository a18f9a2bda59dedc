// LocalNode: how it opens.
#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "server/errors.h"
#include "server/latch.h"
#include "server/local_node.h"
#include "server/membership.h"
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

uint32_t ShardCount(uint32_t wanted) {
  if (wanted > 0) return wanted;
  return std::max(1u, std::thread::hardware_concurrency());
}

raft::Configuration FirstMetadataMembers(const Identity& identity) {
  std::vector<NodeInfo> nodes = identity.founders;
  if (nodes.empty()) nodes.emplace_back().node = identity.node_id;
  Members members = MetadataMembers(std::move(nodes));
  raft::Configuration first;
  first.voters = std::move(members.voters);
  first.learners = std::move(members.learners);
  return first;
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
  settings.quiesce_ticks = 25;
  return std::make_shared<const raft::CoreSettings>(settings);
}

}  // namespace

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
                                          kReaderQueueMax, options_.turns);
  storage::LogWriterOptions writer_options;
  writer_options.turns = options_.turns;
  writer_options.queue_bytes_max = options_.append_queue_bytes;
  const auto on_fatal = [this](const absl::Status& status) { OnFatal(status); };
  writer_options.on_fatal = on_fatal;
  writer_ = std::make_unique<storage::LogWriter>(store_.get(),
                                                 std::move(writer_options));
  load_meter_ = writer_->load_meter();
  ShardServices services;
  services.store = store_.get();
  services.writer = writer_.get();
  services.readers = readers_.get();
  services.log_reader = log_reader_.get();
  services.known_damage = known_damage_.get();
  services.clock = options_.clock;
  services.append_clock = &append_clock_;
  services.disk = options_.disk.get();
  if (store_->generations() != nullptr) {
    instance_ = store_->generations()->Promised().open_id;
  } else {
    const Uuid instance = options_.new_uuid();
    std::memcpy(&instance_, instance.data(), sizeof(instance_));
  }
  services.instance = instance_;
  services.nodes = &nodes_;
  services.core_settings = SettingsOf(options_);
  services.repair_budget = std::make_shared<RepairBudget>();
  ShardOptions shard_options;
  shard_options.turns = options_.turns;
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
  Await(latch);
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
  Await(latch);
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
    if (!alone) metadata_->Campaign(report);
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
              {snapshot.groups[i], NodesOf(snapshot.VotersOf(i))});
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
  PlaceOnShards(router_, std::move(replicas), /*first_leaders=*/{},
                [placed] { placed->CountDown(); });
  Await(placed);
}

void LocalNode::PublishTopics() {
  host_ = std::make_unique<PartitionHost>(&host_context_, metadata_);
  metadata_calls_ = std::make_unique<MetadataCalls>(
      &router_, metadata_, options_.clock, options_.new_uuid,
      [this] { return peers(); });
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

}  // namespace kappa::server
