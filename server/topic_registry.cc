#include "server/topic_registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"
#include "server/metadata_rows.h"
#include "server/random_uuid.h"
#include "server/topic_rules.h"

namespace kappa::server {
namespace {

using storage::v1::TopicRow;

constexpr Incarnation kFirstIncarnation{1};

// The nodes of a run are those of all its groups, or there are none; targets
// are those of whole groups.
bool IsWhole(const TopicRow& row) {
  const auto targets = static_cast<uint64_t>(row.targets_size());
  if (row.target_replicas() == 0 ? targets > 0
                                 : targets % row.target_replicas() != 0) {
    return false;
  }
  return std::all_of(row.groups().begin(), row.groups().end(),
                     [](const storage::v1::GroupRun& run) {
                       return static_cast<uint64_t>(run.nodes_size()) ==
                                  uint64_t{run.count()} * run.replicas() &&
                              (run.incarnations_size() == 0 ||
                               run.incarnations_size() == run.nodes_size());
                     });
}

// The members of groups that were made before replicas were placed.
std::vector<ReplicaId> UnplacedMembers(const TopicRow& row) {
  std::vector<ReplicaId> members;
  for (const storage::v1::ReplicaId& voter : row.voters()) {
    members.push_back({NodeId(voter.node()), Incarnation(voter.incarnation())});
  }
  if (members.empty()) members.push_back({NodeId(1), kFirstIncarnation});
  return members;
}

using Ids = google::protobuf::RepeatedField<uint64_t>;

// Replaces `members` by the `count` of them that begin at `first`;
// `incarnations` may be empty: all are 1.
void SetMembers(const Ids& nodes, const Ids& incarnations, uint32_t first,
                uint32_t count, std::vector<ReplicaId>* members) {
  members->clear();
  for (uint32_t k = 0; k < count; ++k) {
    const int at = static_cast<int>(first + k);
    members->push_back(
        {NodeId(nodes.Get(at)), incarnations.empty()
                                    ? kFirstIncarnation
                                    : Incarnation(incarnations.Get(at))});
  }
}

// Makes `members` those that are there by now.
void SetIncarnations(const TopicRow& row, std::vector<ReplicaId>* members) {
  for (const storage::v1::ReplicaId& now : row.incarnations()) {
    for (ReplicaId& member : *members) {
      if (member.node == NodeId(now.node())) {
        member.incarnation = Incarnation(now.incarnation());
      }
    }
  }
}

void AddMembers(const TopicRow& row, TopicSnapshot* snapshot) {
  std::vector<ReplicaId> members;
  const uint32_t target = row.target_replicas();
  const uint32_t targeted =
      target == 0 ? 0 : static_cast<uint32_t>(row.targets_size()) / target;
  uint32_t partition = 0;
  for (const storage::v1::GroupRun& run : row.groups()) {
    for (uint32_t i = 0; i < run.count(); ++i, ++partition) {
      SetMembers(run.nodes(), run.incarnations(), i * run.replicas(),
                 run.replicas(), &members);
      if (members.empty()) members = UnplacedMembers(row);
      std::vector<ReplicaId> first = members;
      std::sort(first.begin(), first.end());
      snapshot->first_voters.Add(first);
      if (partition < targeted) {
        SetMembers(row.targets(), Ids(), partition * target, target, &members);
      }
      SetIncarnations(row, &members);
      snapshot->voters.Add(members);
    }
  }
}

// The incarnations of `nodes`, those of 1 left out.
void NoteIncarnations(absl::Span<const NodeInfo> nodes, TopicRow* row) {
  row->clear_incarnations();
  for (const NodeInfo& node : nodes) {
    if (node.incarnation == kFirstIncarnation) continue;
    storage::v1::ReplicaId* const now = row->add_incarnations();
    now->set_node(node.node.value());
    now->set_incarnation(node.incarnation.value());
  }
}

std::shared_ptr<const TopicSnapshot> SnapshotOf(const TopicRow& row) {
  auto snapshot = std::make_shared<TopicSnapshot>();
  snapshot->topic = row.topic();
  snapshot->uuid = UuidOf(row.topic().uuid());
  snapshot->batch_bytes_max = row.topic().limits().batch_bytes_max();
  snapshot->batch_records_max = row.topic().limits().batch_records_max();
  const auto& codecs = row.topic().accepted_compressions();
  const auto accepts = [&codecs](v1::Compression codec) {
    return std::find(codecs.begin(), codecs.end(), codec) != codecs.end();
  };
  snapshot->accepts_zstd = accepts(v1::COMPRESSION_ZSTD);
  snapshot->accepts_lz4 = accepts(v1::COMPRESSION_LZ4);
  snapshot->groups = GroupsOf(row.groups());
  AddMembers(row, snapshot.get());
  return snapshot;
}

TopicChange Refused(absl::Status status) {
  TopicChange change;
  change.status = std::move(status);
  return change;
}

TopicChange Unchanged(const TopicRegistry::Entry& entry) {
  TopicChange change;
  change.topic = entry.snapshot;
  change.first_new_partition = entry.row.topic().partitions();
  return change;
}

// `row` replaces what is there of that name.
TopicChange ChangedTo(const TopicRow& row, uint32_t first_new_partition) {
  TopicChange change;
  change.changed = true;
  change.topic = SnapshotOf(row);
  change.first_new_partition = first_new_partition;
  change.rows.push_back(PutRow(RowKey(kTopicPrefix, row.topic().name()), row));
  return change;
}

}  // namespace

absl::Status TopicNotFound(std::string_view name) {
  return MakeError(v1::ERROR_REASON_TOPIC_NOT_FOUND,
                   absl::StrCat("there is no topic ", ToAbsl(name)),
                   {{"topic", std::string(name)}});
}

absl::Status CheckTopicUuid(const v1::Topic& topic, std::string_view wanted) {
  if (wanted.empty() || wanted == topic.uuid()) return absl::OkStatus();
  if (wanted.size() != topic.uuid().size()) {
    return MakeError(
        v1::ERROR_REASON_MALFORMED_REQUEST,
        absl::StrCat("topic_uuid has ", wanted.size(), " bytes, not 16"));
  }
  return MakeError(
      v1::ERROR_REASON_TOPIC_UUID_MISMATCH,
      absl::StrCat("topic ", topic.name(), " has UUID ",
                   absl::BytesToHexString(topic.uuid()), ", the request names ",
                   absl::BytesToHexString(ToAbsl(wanted)),
                   ": it was deleted and made again"),
      {{"topic", topic.name()}});
}

std::vector<GroupId> GroupsOf(
    const google::protobuf::RepeatedPtrField<storage::v1::GroupRun>& runs) {
  std::vector<GroupId> groups;
  for (const storage::v1::GroupRun& run : runs) {
    for (uint32_t i = 0; i < run.count(); ++i) {
      groups.push_back(GroupId(run.first() + i));
    }
  }
  return groups;
}

absl::Status TopicRegistry::Load(std::string_view value) {
  TopicRow row;
  if (!row.ParseFromArray(value.data(), static_cast<int>(value.size())) ||
      !IsWhole(row)) {
    return absl::DataLossError("a topic's row cannot be decoded");
  }
  std::string name = row.topic().name();
  partitions_ += row.topic().partitions();
  std::shared_ptr<const TopicSnapshot> snapshot = SnapshotOf(row);
  placement_.Add(*snapshot);
  topics_[std::move(name)] = {std::move(row), std::move(snapshot)};
  return absl::OkStatus();
}

const TopicRegistry::Entry* TopicRegistry::Find(std::string_view name) const {
  const auto found = topics_.find(ToAbsl(name));
  return found == topics_.end() ? nullptr : &found->second;
}

TopicChange TopicRegistry::Create(
    const storage::v1::CreateTopicCommand& command, GroupId next_group,
    absl::Span<const NodeInfo> nodes) const {
  v1::Topic wanted = command.topic();
  if (const Entry* entry = Find(wanted.name())) {
    if (wanted.replicas() == 0) {
      wanted.set_replicas(entry->row.topic().replicas());
    }
    if (SameSettings(entry->row.topic(), wanted)) return Unchanged(*entry);
    return Refused(MakeError(
        v1::ERROR_REASON_TOPIC_EXISTS,
        absl::StrCat("topic ", wanted.name(), " exists with other settings"),
        {{"topic", wanted.name()}}));
  }
  const auto nodes_now = static_cast<uint32_t>(nodes.size());
  if (wanted.replicas() == 0) {
    wanted.set_replicas(std::clamp(nodes_now, 1u, kReplicasDefault));
  }
  const absl::Status enough = CheckReplicas(wanted.replicas(), nodes_now);
  if (!enough.ok()) return Refused(enough);
  TopicRow row;
  *row.mutable_topic() = std::move(wanted);
  AddRun(next_group, row.topic().partitions(), nodes, &row);
  return ChangedTo(row, 0);
}

TopicChange TopicRegistry::Update(
    const storage::v1::UpdateTopicCommand& command,
    absl::Span<const NodeInfo> nodes) const {
  const v1::UpdateTopicRequest& request = command.request();
  const Entry* entry = Find(request.name());
  if (entry == nullptr) return Refused(TopicNotFound(request.name()));
  const v1::Topic& topic = entry->row.topic();
  const absl::Status same = CheckTopicUuid(topic, request.topic_uuid());
  if (!same.ok()) return Refused(same);
  TopicRow row = entry->row;
  ApplyUpdate(request, row.mutable_topic());
  if (SameSettings(topic, row.topic())) return Unchanged(*entry);
  const uint32_t replicas = row.topic().replicas();
  if (replicas == topic.replicas()) return ChangedTo(row, topic.partitions());
  const absl::Status enough =
      CheckReplicas(replicas, static_cast<uint32_t>(nodes.size()));
  if (!enough.ok()) return Refused(enough);
  row.set_target_replicas(replicas);
  row.clear_targets();
  for (const NodeId node :
       placement_.ChooseAgain(nodes, replicas, *entry->snapshot)) {
    row.add_targets(node.value());
  }
  NoteIncarnations(nodes, &row);
  TopicChange change = ChangedTo(row, topic.partitions());
  change.other_members_before = entry->snapshot;
  return change;
}

TopicChange TopicRegistry::Delete(
    const storage::v1::DeleteTopicCommand& command, LogIndex index) const {
  const v1::DeleteTopicRequest& request = command.request();
  const Entry* entry = Find(request.name());
  if (entry == nullptr) return Refused(TopicNotFound(request.name()));
  const v1::Topic& topic = entry->row.topic();
  const absl::Status same = CheckTopicUuid(topic, request.topic_uuid());
  if (!same.ok()) return Refused(same);
  if (topic.deletion_protection()) {
    return Refused(MakeError(
        v1::ERROR_REASON_DELETION_PROTECTED,
        absl::StrCat("topic ", topic.name(), " is protected from deletion"),
        {{"topic", topic.name()}}));
  }
  TopicChange change;
  change.changed = true;
  change.topic = entry->snapshot;
  change.first_new_partition = topic.partitions();
  storage::v1::DeletedTopicRow deleted;
  *deleted.mutable_topic() = topic;
  *deleted.mutable_groups() = entry->row.groups();
  *deleted.mutable_voters() = entry->row.voters();
  deleted.set_delete_time_us(command.time_us());
  deleted.set_index(index.value());
  storage::v1::PendingDropRow pending;
  for (const storage::v1::GroupRun& run : entry->row.groups()) {
    storage::v1::GroupRun* dropped = pending.add_groups();
    dropped->set_first(run.first());
    dropped->set_count(run.count());
  }
  change.rows.push_back(RemoveRow(RowKey(kTopicPrefix, topic.name())));
  change.rows.push_back(PutRow(RowKey(kDeletedPrefix, topic.uuid()), deleted));
  change.rows.push_back(
      PutRow(RowKey(kPendingDropPrefix, topic.uuid()), pending));
  return change;
}

TopicChange TopicRegistry::AddPartitions(
    const storage::v1::AddPartitionsCommand& command, GroupId next_group,
    absl::Span<const NodeInfo> nodes) const {
  const v1::AddPartitionsRequest& request = command.request();
  const Entry* entry = Find(request.name());
  if (entry == nullptr) return Refused(TopicNotFound(request.name()));
  const v1::Topic& topic = entry->row.topic();
  absl::Status same = CheckTopicUuid(topic, request.topic_uuid());
  same.Update(CheckTopicUuid(topic, command.topic_uuid()));
  if (!same.ok()) return Refused(same);
  const uint32_t now = topic.partitions();
  if (request.partitions() == now) return Unchanged(*entry);
  if (request.partitions() < now) {
    return Refused(
        MakeError(v1::ERROR_REASON_LIMIT_EXCEEDED,
                  absl::StrCat("topic ", topic.name(), " has ", now,
                               " partitions; they cannot become fewer: given ",
                               request.partitions()),
                  {{"limit", "partitions_min"},
                   {"max", absl::StrCat(now)},
                   {"value", absl::StrCat(request.partitions())}}));
  }
  const absl::Status enough =
      CheckReplicas(topic.replicas(), static_cast<uint32_t>(nodes.size()));
  if (!enough.ok()) return Refused(enough);
  TopicRow row = entry->row;
  row.mutable_topic()->set_partitions(request.partitions());
  AddRun(next_group, request.partitions() - now, nodes, &row);
  return ChangedTo(row, now);
}

void TopicRegistry::AddRun(GroupId first, uint32_t count,
                           absl::Span<const NodeInfo> nodes,
                           TopicRow* row) const {
  storage::v1::GroupRun* run = row->add_groups();
  run->set_first(first.value());
  run->set_count(count);
  run->set_replicas(row->topic().replicas());
  for (const NodeId node :
       placement_.Choose(nodes, row->topic().replicas(), count)) {
    run->add_nodes(node.value());
  }
  NoteIncarnations(nodes, row);
  if (row->incarnations().empty()) return;
  for (const uint64_t id : run->nodes()) {
    const auto node = std::find_if(
        nodes.begin(), nodes.end(),
        [id](const NodeInfo& info) { return info.node == NodeId(id); });
    run->add_incarnations(node->incarnation.value());
  }
}

std::vector<TopicChange> TopicRegistry::Replace(const NodeInfo& node) const {
  std::vector<TopicChange> changes;
  for (const auto& [name, entry] : topics_) {
    const std::vector<ReplicaId>& voters = entry.snapshot->voters.ids;
    if (std::none_of(voters.begin(), voters.end(),
                     [&node](ReplicaId id) { return id.node == node.node; })) {
      continue;
    }
    TopicRow row = entry.row;
    auto* const all = row.mutable_incarnations();
    auto now =
        std::find_if(all->begin(), all->end(), [&node](const auto& known) {
          return NodeId(known.node()) == node.node;
        });
    if (now == all->end()) {
      all->Add()->set_node(node.node.value());
      now = all->end() - 1;
    }
    now->set_incarnation(node.incarnation.value());
    std::sort(all->begin(), all->end(),
              [](const auto& a, const auto& b) { return a.node() < b.node(); });
    TopicChange change = ChangedTo(row, row.topic().partitions());
    change.other_members_before = entry.snapshot;
    changes.push_back(std::move(change));
  }
  return changes;
}

void TopicRegistry::Apply(const TopicChange& change) {
  KAPPA_CHECK(change.status.ok() && change.changed, "there is a change");
  const std::string& name = change.topic->topic.name();
  const storage::SideRow& row = change.rows.front();
  const auto found = topics_.find(name);
  if (found != topics_.end()) {
    partitions_ -= found->second.row.topic().partitions();
    placement_.Remove(*found->second.snapshot);
  }
  if (!row.value.has_value()) {
    topics_.erase(name);
    return;
  }
  Entry& entry = topics_[name];
  KAPPA_CHECK(entry.row.ParseFromString(*row.value), "encoded just now");
  entry.snapshot = change.topic;
  partitions_ += entry.row.topic().partitions();
  placement_.Add(*entry.snapshot);
}

}  // namespace kappa::server
