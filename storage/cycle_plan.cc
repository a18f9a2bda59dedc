#include "storage/cycle_plan.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "proto/wire/check.h"
#include "storage/chain.h"
#include "storage/entry_header.h"
#include "storage/group_row.h"
#include "storage/keys.h"
#include "storage/sealed_row.h"

namespace kappa::storage {
namespace {

// What an entry must match to follow the log that ends at `position`.
void CheckFollows(const ReplicaPosition& position, const EntryWrite& entry) {
  const EntryHeader& header = entry.header;
  KAPPA_CHECK(header.index == position.last.index.Next(),
              "entries must be contiguous");
  KAPPA_CHECK(header.term >= position.last.term, "terms must not fall");
  KAPPA_CHECK(header.base_offset == position.end_offset,
              "an entry must carry the log's next offset");
  KAPPA_CHECK(header.chain == ChainNext(position.chain, header),
              "an entry must continue the chain");
  KAPPA_CHECK(header.payload_bytes == entry.payload.bytes(),
              "a header must tell its payload's size");
}

void MoveTo(const EntryHeader& header, ReplicaPosition* position) {
  position->last = {header.term, header.index};
  position->end_offset = header.next_offset();
  position->chain = header.chain;
  position->last_append_time_us = header.append_time_us;
}

void MoveTo(const GroupBase& base, ReplicaPosition* position) {
  position->last = base.id;
  position->end_offset = base.offset;
  position->chain = base.chain;
  position->last_append_time_us = base.append_time_us;
}

}  // namespace

CyclePlan::Touched& CyclePlan::Touch(ReplicaNumber replica) {
  const auto [found, added] = places_.emplace(replica, touched_.size());
  if (added) {
    std::optional<ReplicaPosition> position = replicas_->Position(replica);
    KAPPA_CHECK(position.has_value(), "a write to an unknown replica");
    Touched touched;
    touched.position = *std::move(position);
    touched.active_row = directory_->RowIn(active_, replica);
    touched_.emplace_back(replica, std::move(touched));
  }
  return touched_[found->second].second;
}

void CyclePlan::SetRow(LogIndex first, Offset offset, int64_t append_time_us,
                       Touched* touched) {
  DirectoryRow row;
  row.first = first;
  row.offset = offset;
  row.append_time_us = append_time_us;
  touched->active_row = row;
  touched->row_changed = true;
}

void CyclePlan::InstallBase(const GroupBase& base, Touched* touched) {
  touched->position.base = base;
  MoveTo(base, &touched->position);
  touched->new_base = base.id.index;
  touched->kept_last = LogIndex(0);
  SetRow(base.id.index.Next(), base.offset, base.append_time_us, touched);
}

absl::StatusOr<EntryHeader> CyclePlan::KeptHeader(
    absl::Span<const GroupWrite> earlier, ReplicaNumber replica,
    LogIndex index) const {
  for (auto write = earlier.rbegin(); write != earlier.rend(); ++write) {
    if (write->replica != replica) continue;
    for (auto entry = write->entries.rbegin(); entry != write->entries.rend();
         ++entry) {
      if (entry->header.index == index) return entry->header;
    }
  }
  return entries_->ReadHeader(replica, index);
}

absl::Status CyclePlan::Truncate(absl::Span<const GroupWrite> earlier,
                                 const GroupWrite& write, Touched* touched) {
  const LogIndex from = *write.truncate_from;
  ReplicaPosition& position = touched->position;
  KAPPA_CHECK(from > position.base.id.index,
              "a truncation below the base of a log");
  if (from > position.last.index) return absl::OkStatus();
  if (from == position.base.id.index.Next()) {
    MoveTo(position.base, &position);
  } else {
    absl::StatusOr<EntryHeader> kept =
        KeptHeader(earlier, write.replica, from.Previous());
    if (!kept.ok()) return kept.status();
    MoveTo(*kept, &position);
  }
  touched->kept_last =
      std::min(from.Previous(), touched->kept_last.value_or(from));
  if (RowNeeded(touched->active_row, from)) {
    SetRow(from, position.end_offset, position.last_append_time_us, touched);
  }
  return absl::OkStatus();
}

void CyclePlan::CutRepaired(ReplicaNumber replica, LogIndex from,
                            CycleBatch* batch) {
  // One of this cycle would be in repair_changes_ only.
  if (repair_changes_.empty() &&
      !repaired_->FirstIn(replica, from, kOpenEnd).has_value()) {
    return;
  }
  batch->DeleteRange(database_->meta(),
                     MetaKey(MetaRow::kRepaired, replica.value(), from.value()),
                     MetaKey(MetaRow::kRepaired, replica.Next().value(), 0));
  repair_changes_.push_back({{replica, from}, /*cut=*/true});
}

void CyclePlan::Repair(const GroupWrite& write, const Touched& touched,
                       CycleBatch* batch) {
  for (const EntryWrite& entry : write.repairs) {
    const EntryHeader& header = entry.header;
    KAPPA_CHECK(header.index > touched.position.base.id.index &&
                    header.index <= touched.position.last.index &&
                    header.payload_bytes == entry.payload.bytes(),
                "a repair is of an entry of the log");
    std::string value;
    EncodeEntryHeader(header, &value);
    for (std::string_view piece : entry.payload.pieces()) value.append(piece);
    batch->Put(database_->meta(),
               MetaKey(MetaRow::kRepaired, write.replica.value(),
                       header.index.value()),
               value);
    repair_changes_.push_back({{write.replica, header.index}});
  }
}

void CyclePlan::Append(const GroupWrite& write, Touched* touched,
                       CycleBatch* batch) {
  for (const EntryWrite& entry : write.entries) {
    CheckFollows(touched->position, entry);
    const EntryHeader& header = entry.header;
    if (RowNeeded(touched->active_row, header.index)) {
      SetRow(header.index, header.base_offset, header.append_time_us, touched);
    }
    batch->PutEntry(family_.get(), write.replica, header, entry.payload);
    MoveTo(header, &touched->position);
  }
}

absl::Status CyclePlan::Make(absl::Span<const GroupWrite> writes,
                             SegmentNumber active, const Family& family,
                             CycleBatch* batch) {
  touched_.clear();
  places_.clear();
  repair_changes_.clear();
  active_ = active;
  family_ = family;
  for (size_t i = 0; i < writes.size(); ++i) {
    const GroupWrite& write = writes[i];
    Touched& touched = Touch(write.replica);
    if (write.install_base.has_value()) {
      InstallBase(*write.install_base, &touched);
      CutRepaired(write.replica, LogIndex(0), batch);
    }
    if (write.truncate_from.has_value()) {
      CutRepaired(write.replica, *write.truncate_from, batch);
      const absl::Status status =
          Truncate(writes.subspan(0, i), write, &touched);
      if (!status.ok()) return status;
    }
    Repair(write, touched, batch);
    Append(write, &touched, batch);
    if (write.hard_state.has_value()) {
      touched.position.hard_state = *write.hard_state;
    }
    touched.group_row_changed |=
        write.install_base.has_value() || write.truncate_from.has_value() ||
        !write.entries.empty() || write.hard_state.has_value();
    for (const SideRow& row : write.side_rows) {
      rocksdb::ColumnFamilyHandle* const table = database_->side(row.table);
      if (row.value.has_value()) {
        batch->Put(table, row.key, *row.value);
      } else {
        batch->Delete(table, row.key);
      }
    }
  }
  for (const auto& [replica, touched] : touched_) {
    if (touched.group_row_changed) {
      batch->Put(database_->meta(), MetaKey(MetaRow::kGroup, replica.value()),
                 EncodeGroupRow(touched.position));
    }
    if (touched.row_changed) {
      batch->Put(database_->meta(),
                 MetaKey(MetaRow::kDirectory, active.value(), replica.value()),
                 EncodeDirectoryRow(*touched.active_row));
    }
  }
  return absl::OkStatus();
}

void CyclePlan::HideReplaced() const {
  for (const auto& [replica, touched] : touched_) {
    if (touched.kept_last.has_value()) {
      replicas_->Hide(replica, *touched.kept_last);
    }
  }
}

void CyclePlan::Publish() {
  for (const auto& [entry, cut] : repair_changes_) {
    if (cut) {
      repaired_->Cut(entry.first, entry.second);
    } else {
      repaired_->Add(entry);
    }
  }
  // First where entries are, then that they are there.
  std::vector<std::pair<ReplicaNumber, ReplicaPosition>> positions;
  positions.reserve(touched_.size());
  for (auto& [replica, touched] : touched_) {
    if (touched.new_base.has_value()) {
      directory_->SetBase(replica, *touched.new_base);
    }
    if (touched.row_changed) {
      directory_->PutRow(active_, replica, *touched.active_row);
    }
    if (touched.group_row_changed) {
      positions.emplace_back(replica, std::move(touched.position));
    }
  }
  replicas_->Publish(positions);
}

}  // namespace kappa::storage
