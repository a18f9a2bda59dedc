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

void AddRun(GroupId first, uint32_t count, TopicRow* row) {
  storage::v1::GroupRun* run = row->add_groups();
  run->set_first(first.value());
  run->set_count(count);
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
  if (!row.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return absl::DataLossError("a topic's row cannot be decoded");
  }
  std::string name = row.topic().name();
  partitions_ += row.topic().partitions();
  std::shared_ptr<const TopicSnapshot> snapshot = SnapshotOf(row);
  topics_[std::move(name)] = {std::move(row), std::move(snapshot)};
  return absl::OkStatus();
}

const TopicRegistry::Entry* TopicRegistry::Find(std::string_view name) const {
  const auto found = topics_.find(ToAbsl(name));
  return found == topics_.end() ? nullptr : &found->second;
}

TopicChange TopicRegistry::Create(
    const storage::v1::CreateTopicCommand& command, GroupId next_group) const {
  const v1::Topic& wanted = command.topic();
  if (const Entry* entry = Find(wanted.name())) {
    if (SameSettings(entry->row.topic(), wanted)) return Unchanged(*entry);
    return Refused(MakeError(
        v1::ERROR_REASON_TOPIC_EXISTS,
        absl::StrCat("topic ", wanted.name(), " exists with other settings"),
        {{"topic", wanted.name()}}));
  }
  TopicRow row;
  *row.mutable_topic() = wanted;
  *row.mutable_voters() = command.voters();
  AddRun(next_group, wanted.partitions(), &row);
  return ChangedTo(row, 0);
}

TopicChange TopicRegistry::Update(
    const storage::v1::UpdateTopicCommand& command) const {
  const v1::UpdateTopicRequest& request = command.request();
  const Entry* entry = Find(request.name());
  if (entry == nullptr) return Refused(TopicNotFound(request.name()));
  const v1::Topic& topic = entry->row.topic();
  const absl::Status same = CheckTopicUuid(topic, request.topic_uuid());
  if (!same.ok()) return Refused(same);
  TopicRow row = entry->row;
  ApplyUpdate(request, row.mutable_topic());
  if (SameSettings(topic, row.topic())) return Unchanged(*entry);
  return ChangedTo(row, topic.partitions());
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
  *pending.mutable_groups() = entry->row.groups();
  change.rows.push_back(RemoveRow(RowKey(kTopicPrefix, topic.name())));
  change.rows.push_back(PutRow(RowKey(kDeletedPrefix, topic.uuid()), deleted));
  change.rows.push_back(
      PutRow(RowKey(kPendingDropPrefix, topic.uuid()), pending));
  return change;
}

TopicChange TopicRegistry::AddPartitions(
    const storage::v1::AddPartitionsCommand& command,
    GroupId next_group) const {
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
  TopicRow row = entry->row;
  row.mutable_topic()->set_partitions(request.partitions());
  AddRun(next_group, request.partitions() - now, &row);
  return ChangedTo(row, now);
}

void TopicRegistry::Apply(const TopicChange& change) {
  KAPPA_CHECK(change.status.ok() && change.changed, "there is a change");
  const std::string& name = change.topic->topic.name();
  const storage::SideRow& row = change.rows.front();
  const auto found = topics_.find(name);
  if (found != topics_.end()) {
    partitions_ -= found->second.row.topic().partitions();
  }
  if (!row.value.has_value()) {
    topics_.erase(name);
    return;
  }
  Entry& entry = topics_[name];
  KAPPA_CHECK(entry.row.ParseFromString(*row.value), "encoded just now");
  entry.snapshot = change.topic;
  partitions_ += entry.row.topic().partitions();
}

}  // namespace kappa::server
