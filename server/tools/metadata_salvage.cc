#include "server/tools/metadata_salvage.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kappa/storage/v1/metadata.pb.h"
#include "server/metadata_rows.h"
#include "server/random_uuid.h"
#include "server/topic_registry.h"
#include "storage/chain.h"
#include "storage/log_audit.h"

namespace kappa::server {
namespace {

using storage::DirectoryView;
using storage::ReplicaPosition;
using storage::StoredEntry;

constexpr GroupId kMetadata{0};

// The metadata group's replica, found by its row or by where its chain begins.
std::optional<ReplicaNumber> FindMetadata(const DirectoryView& view,
                                          const Digest& chain_start) {
  for (const storage::ViewedReplica& replica : view.Replicas()) {
    if (replica.spec.group == kMetadata) return replica.number;
  }
  for (const auto& [number, position] : view.state().positions) {
    if (position.base.chain == chain_start) return number;
  }
  return std::nullopt;
}

absl::Status NothingLeft(const std::string& why) {
  return absl::DataLossError(absl::StrCat(
      "cycles are missing before the last one, and nothing is left "
      "of the metadata log that the metadata could be made from (",
      why,
      "): every partition would be given up; nothing was "
      "changed, and kappad dump reads what there is"));
}

}  // namespace

std::string RaiseEpoch(std::string_view producer_row, uint64_t epoch_min) {
  storage::v1::ProducerRow row;
  if (!row.ParseFromArray(producer_row.data(),
                          static_cast<int>(producer_row.size()))) {
    return std::string(producer_row);
  }
  row.set_epoch(std::max(row.epoch(), epoch_min));
  return row.SerializeAsString();
}

absl::StatusOr<MetadataSalvage> MetadataSalvage::Load(const DirectoryView& view,
                                                      const Identity& identity,
                                                      uint64_t epoch_min) {
  MetadataSalvage salvage;
  const Digest start = storage::ChainStart(identity.cluster_id, 0);
  salvage.chains_.emplace(start, kMetadata);
  const std::optional<ReplicaNumber> replica = FindMetadata(view, start);
  if (!replica.has_value()) return NothingLeft("its replica is unknown");
  const absl::Status read = salvage.ReadLog(view, *replica);
  if (!read.ok()) return read;
  if (!salvage.state_.formed()) {
    return NothingLeft("its first command is lost");
  }
  for (storage::SideRow& row : salvage.sound_.rows) {
    if (row.value.has_value() && row.key.starts_with(kProducerPrefix)) {
      row.value = RaiseEpoch(*row.value, epoch_min);
    }
  }
  salvage.NameGroups();
  return salvage;
}

absl::Status MetadataSalvage::ReadLog(const DirectoryView& view,
                                      ReplicaNumber replica) {
  const auto found = view.state().positions.find(replica);
  if (found == view.state().positions.end()) {
    return NothingLeft("its group row is lost");
  }
  const ReplicaPosition& position = found->second;
  if (position.base.id.index > LogIndex(0)) {
    return NothingLeft("its beginning was trimmed");
  }
  storage::LogWalk walk{LogIndex(1), position.last.index,
                        storage::LogAudit(position.base)};
  absl::Status applied;
  const auto damage =
      walk.Run([&](LogIndex from,
                   LogIndex last) { return view.Read(replica, from, last); },
               [&](std::vector<StoredEntry> entries) {
                 for (const StoredEntry& entry : entries) {
                   if (entry.header.index != next_) return false;
                   next_ = next_.Next();
                   applied = Apply(entry);
                   if (!applied.ok()) return false;
                 }
                 return true;
               });
  return damage.ok() ? applied : damage.status();
}

absl::Status MetadataSalvage::Apply(const StoredEntry& entry) {
  if (!raft::UsesOffsets(entry.header.kind)) {
    state_.Skip(entry.header.index);
    return absl::OkStatus();
  }
  storage::v1::MetadataCommand command;
  if (!command.ParseFromString(entry.payload.ToString())) {
    return absl::DataLossError(absl::StrCat("the metadata command at index ",
                                            entry.header.index.value(),
                                            " cannot be decoded"));
  }
  const absl::Status prepared = state_.PrepareNow(command);
  if (!prepared.ok()) return prepared;
  state_.Apply(entry.header.index, command, &sound_.rows);
  return absl::OkStatus();
}

void MetadataSalvage::NameGroups() {
  for (const auto& [name, topic] : state_.topics().topics()) {
    const std::vector<GroupId>& groups = topic.snapshot->groups;
    for (uint32_t i = 0; i < groups.size(); ++i) {
      chains_.emplace(storage::ChainStart(topic.snapshot->uuid, i), groups[i]);
    }
    sound_.groups.insert(groups.begin(), groups.end());
  }
  // The node that starts on the directory drops these, as it was told to.
  for (const auto& [uuid, groups] : state_.pending_drops()) {
    sound_.groups.insert(groups.begin(), groups.end());
  }
}

std::optional<GroupId> MetadataSalvage::GroupOfChain(
    const Digest& chain_start) const {
  const auto found = chains_.find(chain_start);
  if (found == chains_.end()) return std::nullopt;
  return found->second;
}

std::vector<storage::SideRow> MetadataSalvage::ProducerRows() const {
  std::map<std::string, storage::SideRow> newest;
  for (const storage::SideRow& row : sound_.rows) {
    if (row.value.has_value() && row.key.starts_with(kProducerPrefix)) {
      newest.insert_or_assign(row.key, row);
    }
  }
  std::vector<storage::SideRow> rows;
  for (auto& [key, row] : newest) rows.push_back(std::move(row));
  return rows;
}

}  // namespace kappa::server
