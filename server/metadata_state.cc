#include "server/metadata_state.h"

#include <functional>
#include <optional>
#include <utility>

#include "proto/wire/check.h"
#include "server/metadata_rows.h"
#include "server/node_rows.h"

namespace kappa::server {
namespace {

using storage::SideTable;
using storage::v1::MetadataCommand;

// Group 0 is the metadata group.
constexpr uint64_t kFirstPartitionGroup = 1;

absl::Status ScanRows(
    const storage::LogStore& store, std::string_view prefix,
    const std::function<absl::Status(std::string_view rest,
                                     std::string_view value)>& load) {
  absl::Status loaded;
  const absl::Status scanned =
      store.ScanSideRows(SideTable::kMetadata, prefix,
                         [&](std::string_view key, std::string_view value) {
                           loaded = load(key.substr(prefix.size()), value);
                           return loaded.ok();
                         });
  return scanned.ok() ? loaded : scanned;
}

// Parses a row that may be absent.
absl::Status LoadRow(const storage::LogStore& store, std::string_view key,
                     google::protobuf::MessageLite* row) {
  absl::StatusOr<std::optional<std::string>> value =
      store.GetSideRow(SideTable::kMetadata, key);
  if (!value.ok()) return value.status();
  if (value->has_value() && !row->ParseFromString(**value)) {
    return absl::DataLossError("a metadata row cannot be decoded");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status MetadataState::LoadSingleRows(const storage::LogStore& store) {
  storage::v1::AppliedRow applied;
  absl::Status status = LoadRow(store, kAppliedKey, &applied);
  if (status.ok()) status = LoadRow(store, kClusterKey, &cluster_);
  applied_ = LogIndex(applied.index());
  nodes_ = NodesOf(cluster_);
  return status;
}

absl::StatusOr<MetadataState> MetadataState::Load(
    const storage::LogStore& store) {
  MetadataState state;
  state.store_ = &store;
  state.producers_.ReadFrom(&store);
  absl::Status status = state.LoadSingleRows(store);
  if (!status.ok()) return status;
  status = ScanRows(store, kTopicPrefix,
                    [&](std::string_view, std::string_view value) {
                      return state.topics_.Load(value);
                    });
  if (!status.ok()) return status;
  status = ScanRows(store, kProducerPrefix,
                    [&](std::string_view, std::string_view value) {
                      return state.producers_.Load(value);
                    });
  if (!status.ok()) return status;
  status = ScanRows(
      store, kPendingDropPrefix,
      [&](std::string_view uuid, std::string_view value) {
        storage::v1::PendingDropRow row;
        if (!row.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          return absl::DataLossError(
              "a row of dropped groups cannot be decoded");
        }
        state.pending_drops_[std::string(uuid)] = GroupsOf(row.groups());
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return state;
}

void MetadataState::ForgetPendingDrop(std::string_view topic_uuid,
                                      std::vector<storage::SideRow>* rows) {
  pending_drops_.erase(std::string(topic_uuid));
  rows->push_back(RemoveRow(RowKey(kPendingDropPrefix, topic_uuid)));
}

void MetadataState::PutCluster(std::vector<storage::SideRow>* rows) {
  rows->push_back(PutRow(std::string(kClusterKey), cluster_));
}

bool MetadataState::FormCluster(const storage::v1::FormClusterCommand& command,
                                std::vector<storage::SideRow>* rows) {
  if (formed()) return false;
  cluster_.set_cluster_id(command.cluster_id());
  *cluster_.mutable_nodes() = command.nodes();
  cluster_.set_next_group_id(kFirstPartitionGroup);
  cluster_.set_form_time_us(command.time_us());
  nodes_ = NodesOf(cluster_);
  PutCluster(rows);
  return true;
}

void MetadataState::ApplyNode(const storage::v1::RegisterNodeCommand& command,
                              CommandOutcome* outcome,
                              std::vector<storage::SideRow>* rows) {
  NodeChange change =
      RegisterNode(command.node(), command.replaces(), &cluster_);
  outcome->status = std::move(change.status);
  outcome->node = std::move(change.node);
  outcome->nodes_changed = change.changed;
  if (!change.changed) return;
  nodes_ = NodesOf(cluster_);
  PutCluster(rows);
  if (!change.replaced) return;
  outcome->other_topics = topics_.Replace(outcome->node);
  for (const TopicChange& topic : outcome->other_topics) {
    topics_.Apply(topic);
    rows->insert(rows->end(), topic.rows.begin(), topic.rows.end());
  }
}

void MetadataState::ApplyTopic(LogIndex index, const MetadataCommand& command,
                               CommandOutcome* outcome,
                               std::vector<storage::SideRow>* rows) {
  outcome->topic = ChangeOf(index, command);
  const TopicChange& change = outcome->topic;
  outcome->status = change.status;
  if (!change.status.ok() || !change.changed) return;
  topics_.Apply(change);
  const uint64_t groups =
      change.topic->groups.size() - change.first_new_partition;
  if (command.has_delete_topic()) {
    pending_drops_[change.topic->topic.uuid()] = change.topic->groups;
  } else if (groups > 0) {
    cluster_.set_next_group_id(cluster_.next_group_id() + groups);
    PutCluster(rows);
  }
  rows->insert(rows->end(), change.rows.begin(), change.rows.end());
}

TopicChange MetadataState::ChangeOf(LogIndex index,
                                    const MetadataCommand& command) const {
  const GroupId next_group(cluster_.next_group_id());
  switch (command.command_case()) {
    case MetadataCommand::kCreateTopic:
      return topics_.Create(command.create_topic(), next_group, nodes_);
    case MetadataCommand::kUpdateTopic:
      return topics_.Update(command.update_topic(), nodes_);
    case MetadataCommand::kDeleteTopic:
      return topics_.Delete(command.delete_topic(), index);
    case MetadataCommand::kAddPartitions:
      return topics_.AddPartitions(command.add_partitions(), next_group,
                                   nodes_);
    default:
      KAPPA_CHECK(false, "not a command about a topic");
      return TopicChange();
  }
}

bool MetadataState::TryPrepare(const MetadataCommand& command) {
  return !command.has_open_producer() ||
         producers_.TryHold(command.open_producer().name());
}

void MetadataState::Prepare(const MetadataCommand& command,
                            std::optional<NamedProducer> row) {
  producers_.Hold(command.open_producer().name(), std::move(row));
}

absl::Status MetadataState::PrepareNow(const MetadataCommand& command) {
  if (TryPrepare(command)) return absl::OkStatus();
  auto row = ReadNamedProducer(*store_, command.open_producer().name());
  if (!row.ok()) return row.status();
  Prepare(command, *std::move(row));
  return absl::OkStatus();
}

void MetadataState::Abandon(const MetadataCommand& command) {
  if (command.has_open_producer()) {
    producers_.LetGo(command.open_producer().name());
  }
}

CommandOutcome MetadataState::Apply(LogIndex index,
                                    const MetadataCommand& command,
                                    std::vector<storage::SideRow>* rows) {
  KAPPA_CHECK(index > applied_, "a command is applied once");
  applied_ = index;
  CommandOutcome outcome;
  if (command.has_form_cluster()) {
    outcome.nodes_changed = FormCluster(command.form_cluster(), rows);
  } else if (command.has_register_node()) {
    ApplyNode(command.register_node(), &outcome, rows);
  } else if (command.has_open_producer()) {
    outcome.producer = producers_.Open(command.open_producer(), rows);
  } else {
    ApplyTopic(index, command, &outcome, rows);
  }
  storage::v1::AppliedRow applied;
  applied.set_index(index.value());
  rows->push_back(PutRow(std::string(kAppliedKey), applied));
  return outcome;
}

std::optional<CommandOutcome> MetadataState::OutcomeWithoutChange(
    const MetadataCommand& command) const {
  if (command.has_form_cluster() || command.has_open_producer()) {
    return std::nullopt;
  }
  CommandOutcome outcome;
  if (command.has_register_node()) {
    storage::v1::ClusterRow cluster = cluster_;
    NodeChange change =
        RegisterNode(command.register_node().node(),
                     command.register_node().replaces(), &cluster);
    if (change.changed) return std::nullopt;
    outcome.status = std::move(change.status);
    outcome.node = std::move(change.node);
    return outcome;
  }
  outcome.topic = ChangeOf(applied_, command);
  if (outcome.topic.status.ok() && outcome.topic.changed) return std::nullopt;
  outcome.status = outcome.topic.status;
  return outcome;
}

}  // namespace kappa::server
