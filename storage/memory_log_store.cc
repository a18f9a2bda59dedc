#include "storage/memory_log_store.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "storage/chain.h"
#include "storage/damaged_index.h"
#include "storage/producer_record.h"

namespace kappa::storage {
namespace {

absl::Status OutOfRange(ReplicaNumber replica, LogIndex index,
                        const char* why) {
  return absl::OutOfRangeError(absl::StrCat(
      "read replica ", replica.value(), " index ", index.value(), ": ", why));
}

absl::Status Damaged(ReplicaNumber replica, LogIndex index) {
  return WithDamagedIndex(absl::DataLossError(absl::StrCat(
                              "read replica ", replica.value(), " index ",
                              index.value(), ": the entry is damaged")),
                          index);
}

}  // namespace

absl::StatusOr<std::vector<ReplicaNumber>> MemoryLogStore::CreateReplicas(
    absl::Span<const ReplicaSpec> specs) {
  MutexLock lock(&mutex_);
  if (!write_error_.ok()) return write_error_;
  std::vector<ReplicaNumber> numbers;
  for (const ReplicaSpec& spec : specs) {
    Replica replica;
    replica.spec = spec;
    replica.position.base.configuration = spec.configuration;
    replica.position.base.chain = spec.chain_start;
    replica.position.chain = spec.chain_start;
    replicas_.push_back(std::move(replica));
    numbers.push_back(ReplicaNumber(replicas_.size()));
  }
  return numbers;
}

absl::Status MemoryLogStore::DropReplicas(
    absl::Span<const ReplicaNumber> numbers) {
  MutexLock lock(&mutex_);
  if (!write_error_.ok()) return write_error_;
  for (const ReplicaNumber number : numbers) {
    if (number.value() == 0 || number.value() > replicas_.size()) continue;
    Replica& replica = replicas_[number.value() - 1];
    replica.dropped = true;
    replica.entries.clear();
    auto& rows = side_tables_.at(static_cast<size_t>(SideTable::kProducers));
    rows.erase(rows.lower_bound(ProducerRowsPrefix(number)),
               rows.lower_bound(ProducerRowsPrefix(number.Next())));
  }
  return absl::OkStatus();
}

absl::Status MemoryLogStore::Commit(absl::Span<const GroupWrite> writes) {
  MutexLock lock(&mutex_);
  if (!write_error_.ok()) return write_error_;
  for (const GroupWrite& write : writes) Apply(write);
  return absl::OkStatus();
}

void MemoryLogStore::Apply(const GroupWrite& write) {
  const uint64_t number = write.replica.value();
  KAPPA_CHECK(number >= 1 && number <= replicas_.size(),
              "a write names a replica that was never created");
  Replica& replica = replicas_[number - 1];
  KAPPA_CHECK(!replica.dropped, "a write names a dropped replica");
  if (write.install_base.has_value())
    InstallBase(*write.install_base, &replica);
  if (write.truncate_from.has_value()) {
    Truncate(*write.truncate_from, &replica);
  }
  for (const EntryWrite& entry : write.repairs) Repair(entry, &replica);
  for (const EntryWrite& entry : write.entries) Append(entry, &replica);
  if (write.hard_state.has_value()) {
    replica.position.hard_state = *write.hard_state;
  }
  for (const SideRow& row : write.side_rows) {
    auto& table = side_tables_.at(static_cast<size_t>(row.table));
    if (row.value.has_value()) {
      table[row.key] = *row.value;
    } else {
      table.erase(row.key);
    }
  }
}

void MemoryLogStore::InstallBase(const GroupBase& base, Replica* replica) {
  replica->entries.clear();
  replica->damaged.clear();
  ReplicaPosition& position = replica->position;
  position.base = base;
  position.last = base.id;
  position.end_offset = base.offset;
  position.chain = base.chain;
  position.last_append_time_us = base.append_time_us;
}

void MemoryLogStore::Truncate(LogIndex from, Replica* replica) {
  ReplicaPosition& position = replica->position;
  KAPPA_CHECK(from > position.base.id.index,
              "a truncation reaches into the base");
  if (from > position.last.index) return;
  replica->entries.resize(from - position.base.id.index - 1);
  replica->damaged.erase(replica->damaged.lower_bound(from),
                         replica->damaged.end());
  if (replica->entries.empty()) {
    InstallBase(GroupBase(position.base), replica);
    return;
  }
  const EntryHeader& last = replica->entries.back().header;
  position.last = {last.term, last.index};
  position.end_offset = last.next_offset();
  position.chain = last.chain;
  position.last_append_time_us = last.append_time_us;
}

void MemoryLogStore::Repair(const EntryWrite& write, Replica* replica) {
  const EntryHeader& header = write.header;
  const LogIndex base = replica->position.base.id.index;
  KAPPA_CHECK(
      header.index > base && header.index <= replica->position.last.index,
      "a repair is of an entry of the log");
  replica->damaged.erase(header.index);
  replica->entries[header.index - base.Next()] = {
      header, Payload::FromString(write.payload.ToString())};
}

void MemoryLogStore::Append(const EntryWrite& write, Replica* replica) {
  ReplicaPosition& position = replica->position;
  const EntryHeader& header = write.header;
  KAPPA_CHECK(header.index == position.last.index.Next(),
              "an entry does not follow the last one");
  KAPPA_CHECK(header.term >= position.last.term, "a term decreases");
  KAPPA_CHECK(header.base_offset == position.end_offset,
              "an entry's offset is not the next one");
  KAPPA_CHECK(header.chain == ChainNext(position.chain, header),
              "an entry's chain digest does not follow");
  KAPPA_CHECK(header.payload_bytes == write.payload.bytes(),
              "a header tells another payload size");
  position.last = {header.term, header.index};
  position.end_offset = header.next_offset();
  position.chain = header.chain;
  position.last_append_time_us = header.append_time_us;
  replica->entries.push_back(
      {header, Payload::FromString(write.payload.ToString())});
}

std::vector<ReplicaInfo> MemoryLogStore::Replicas() const {
  MutexLock lock(&mutex_);
  std::vector<ReplicaInfo> infos;
  for (size_t i = 0; i < replicas_.size(); ++i) {
    if (replicas_[i].dropped) continue;
    infos.push_back({ReplicaNumber(i + 1), replicas_[i].spec});
  }
  return infos;
}

absl::StatusOr<const MemoryLogStore::Replica*> MemoryLogStore::Find(
    ReplicaNumber number) const {
  const uint64_t value = number.value();
  if (value == 0 || value > replicas_.size() || replicas_[value - 1].dropped) {
    return absl::NotFoundError(absl::StrCat("there is no replica ", value));
  }
  return &replicas_[value - 1];
}

absl::StatusOr<ReplicaPosition> MemoryLogStore::Position(
    ReplicaNumber replica) const {
  MutexLock lock(&mutex_);
  const auto found = Find(replica);
  if (!found.ok()) return found.status();
  return (*found)->position;
}

absl::StatusOr<std::vector<StoredEntry>> MemoryLogStore::Read(
    ReplicaNumber replica, LogIndex from, LogIndex last, size_t bytes_max,
    ReadClass /*read_class*/) const {
  MutexLock lock(&mutex_);
  const auto found = Find(replica);
  if (!found.ok()) return found.status();
  const ReplicaPosition& position = (*found)->position;
  if (from <= position.base.id.index) {
    return OutOfRange(replica, from, "at or below the base");
  }
  std::vector<StoredEntry> entries;
  const LogIndex end = std::min(last, position.last.index);
  size_t bytes = 0;
  for (LogIndex index = from; index <= end; ++index) {
    if ((*found)->damaged.contains(index)) {
      if (entries.empty()) return Damaged(replica, index);
      break;
    }
    entries.push_back((*found)->entries[index - position.base.id.index.Next()]);
    bytes += entries.back().payload.bytes();
    if (bytes >= bytes_max) break;
  }
  return entries;
}

absl::StatusOr<EntryHeader> MemoryLogStore::ReadHeader(ReplicaNumber replica,
                                                       LogIndex index) const {
  MutexLock lock(&mutex_);
  const auto found = Find(replica);
  if (!found.ok()) return found.status();
  const ReplicaPosition& position = (*found)->position;
  if (index <= position.base.id.index) {
    return OutOfRange(replica, index, "at or below the base");
  }
  if (index > position.last.index) {
    return OutOfRange(replica, index, "beyond the end");
  }
  if ((*found)->damaged.contains(index)) return Damaged(replica, index);
  return (*found)->entries[index - position.base.id.index.Next()].header;
}

LogIndex MemoryLogStore::FindFirst(
    const Replica& replica,
    const std::function<bool(const EntryHeader&)>& before) {
  const auto it = std::partition_point(
      replica.entries.begin(), replica.entries.end(),
      [&before](const StoredEntry& entry) { return before(entry.header); });
  return replica.position.base.id.index.Next() +
         static_cast<uint64_t>(it - replica.entries.begin());
}

absl::StatusOr<LogIndex> MemoryLogStore::FindOffset(ReplicaNumber replica,
                                                    Offset offset) const {
  MutexLock lock(&mutex_);
  const auto found = Find(replica);
  if (!found.ok()) return found.status();
  if (offset < (*found)->position.base.offset) {
    return absl::OutOfRangeError(absl::StrCat("find offset ", offset.value(),
                                              " of replica ", replica.value(),
                                              ": below the base"));
  }
  return FindFirst(**found, [offset](const EntryHeader& header) {
    return header.next_offset() <= offset;
  });
}

absl::StatusOr<LogIndex> MemoryLogStore::FindTime(ReplicaNumber replica,
                                                  int64_t time_us) const {
  MutexLock lock(&mutex_);
  const auto found = Find(replica);
  if (!found.ok()) return found.status();
  return FindFirst(**found, [time_us](const EntryHeader& header) {
    return header.append_time_us < time_us;
  });
}

absl::StatusOr<std::vector<raft::EntryId>> MemoryLogStore::TermStarts(
    ReplicaNumber replica) const {
  MutexLock lock(&mutex_);
  const auto found = Find(replica);
  if (!found.ok()) return found.status();
  std::vector<raft::EntryId> starts;
  const Replica& replica_found = **found;
  for (const StoredEntry& entry : replica_found.entries) {
    const EntryHeader& header = entry.header;
    const bool begins = starts.empty() || starts.back().term != header.term;
    const bool wanted =
        begins || header.index == replica_found.position.last.index;
    if (wanted && replica_found.damaged.contains(header.index)) {
      return Damaged(replica, header.index);
    }
    if (begins) starts.push_back({header.term, header.index});
  }
  return starts;
}

absl::StatusOr<std::optional<std::string>> MemoryLogStore::GetSideRow(
    SideTable table, std::string_view key) const {
  MutexLock lock(&mutex_);
  const auto& rows = side_tables_.at(static_cast<size_t>(table));
  const auto it = rows.find(key);
  if (it == rows.end()) return std::nullopt;
  return it->second;
}

absl::Status MemoryLogStore::ScanSideRows(
    SideTable table, std::string_view prefix,
    const std::function<bool(std::string_view key, std::string_view value)>&
        visit) const {
  // `visit` may call the store, so it sees a copy.
  std::vector<std::pair<std::string, std::string>> matching;
  {
    MutexLock lock(&mutex_);
    const auto& rows = side_tables_.at(static_cast<size_t>(table));
    for (auto it = rows.lower_bound(prefix);
         it != rows.end() && it->first.starts_with(prefix); ++it) {
      matching.push_back(*it);
    }
  }
  for (const auto& [key, value] : matching) {
    if (!visit(key, value)) break;
  }
  return absl::OkStatus();
}

std::unique_ptr<MemoryLogStore> MemoryLogStore::Copy() const {
  auto copy = std::make_unique<MemoryLogStore>();
  MutexLock lock(&mutex_);
  MutexLock copy_lock(&copy->mutex_);
  copy->replicas_ = replicas_;
  copy->side_tables_ = side_tables_;
  return copy;
}

void MemoryLogStore::FailWrites(absl::Status error) {
  MutexLock lock(&mutex_);
  write_error_ = std::move(error);
}

void MemoryLogStore::DamageEntry(ReplicaNumber replica, LogIndex index) {
  MutexLock lock(&mutex_);
  const auto found = Find(replica);
  KAPPA_CHECK(found.ok(), "damage needs an existing replica");
  replicas_[replica.value() - 1].damaged.insert(index);
}

}  // namespace kappa::storage
