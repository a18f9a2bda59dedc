#include "server/log_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"
#include "storage/damaged_index.h"

namespace kappa::server {
namespace {

using storage::EntryHeader;
using storage::ReadClass;
using storage::StoredEntry;

// Of a status that TellsKnownDamage; never sent to anyone.
constexpr char kKnownDamagePayload[] = "kappa/known-damage";
constexpr size_t kPlacesMax = 4096;
// Entries that a backwards read looks at in one go.
constexpr uint64_t kBackwardsEntriesMax = 1024;

bool HoldsRecords(const StoredEntry& entry) {
  return raft::UsesOffsets(entry.header.kind);
}

}  // namespace

bool TellsKnownDamage(const absl::Status& status) {
  return status.GetPayload(kKnownDamagePayload).has_value();
}

absl::Status KnownDamageError(const storage::ScrubRange& range) {
  absl::Status status = absl::DataLossError(range.what);
  status.SetPayload(kKnownDamagePayload, absl::Cord());
  return status;
}

absl::Status ReadErrorOf(const absl::Status& status, GroupId group) {
  if (absl::IsNotFound(status)) {
    return MakeError(v1::ERROR_REASON_TOPIC_NOT_FOUND,
                     "the topic was deleted while it was read");
  }
  if (absl::IsUnavailable(status) || absl::IsResourceExhausted(status)) {
    // Too many files are open, or memory is short: nothing is damaged.
    return MakeError(
        v1::ERROR_REASON_OVERLOADED,
        absl::StrCat("cannot read now: ", status.message()),
        {{"group", absl::StrCat(group.value())}, {"retry_after_ms", "1000"}});
  }
  const v1::ErrorReason reason = absl::IsDataLoss(status)
                                     ? v1::ERROR_REASON_DATA_DAMAGED
                                     : v1::ERROR_REASON_INTERNAL;
  absl::Status error = MakeError(reason, ToStd(status.message()),
                                 {{"group", absl::StrCat(group.value())}});
  if (TellsKnownDamage(status)) {
    error.SetPayload(kKnownDamagePayload, absl::Cord());
  }
  const std::optional<LogIndex> index = storage::DamagedIndexOf(status);
  if (index.has_value()) {
    error = storage::WithDamagedIndex(std::move(error), *index);
  }
  return error;
}

LogReader::LogReader(const storage::LogStore* store,
                     const storage::KnownDamage* known, size_t chunk_bytes)
    : store_(store), known_(known), chunks_(chunk_bytes), places_(kPlacesMax) {}

absl::Status LogReader::CheckNotKnown(const ReadScope& scope, LogIndex from,
                                      LogIndex last) const {
  const auto damage = known_->FirstIn(scope.replica, from, last);
  return damage.has_value() ? KnownDamageError(*damage) : absl::OkStatus();
}

absl::StatusOr<LogIndex> LogReader::IndexOf(const ReadScope& scope,
                                            Offset offset) {
  const std::optional<LogIndex> place = places_.Find(scope.replica, offset);
  if (place.has_value()) return *place;
  return store_->FindOffset(scope.replica, offset);
}

absl::StatusOr<std::vector<StoredEntry>> LogReader::ReadEntries(
    const ReadScope& scope, LogIndex index, size_t bytes_max,
    ReadClass read_class) {
  LogIndex last = scope.committed;
  if (const auto damage = known_->FirstIn(scope.replica, index, last)) {
    if (damage->first <= index) return KnownDamageError(*damage);
    last = damage->first.Previous();
  }
  if (const Chunk chunk = chunks_.Find(scope.replica, index)) {
    const size_t first = index - chunk->front().header.index;
    std::vector<StoredEntry> entries;
    size_t bytes = 0;
    for (size_t i = first; i < chunk->size(); ++i) {
      if (bytes >= bytes_max || (*chunk)[i].header.index > last) {
        break;
      }
      entries.push_back((*chunk)[i]);
      bytes += entries.back().payload.bytes();
    }
    if (!entries.empty()) return entries;
  }
  absl::StatusOr<std::vector<StoredEntry>> entries =
      store_->Read(scope.replica, index, last, bytes_max, read_class);
  if (!entries.ok()) return entries.status();
  if (entries->empty()) {
    return absl::DataLossError(absl::StrCat(
        "read at index ", index.value(), ": the log is known to reach ",
        scope.committed.value(), " and nothing is there"));
  }
  size_t bytes = 0;
  for (const StoredEntry& entry : *entries) bytes += entry.payload.bytes();
  bytes_read_.fetch_add(bytes, std::memory_order_relaxed);
  if (read_class == ReadClass::kReplay) chunks_.Add(scope.replica, *entries);
  return entries;
}

absl::StatusOr<ReadPiece> LogReader::ReadForwards(const ReadScope& scope,
                                                  Offset from, Offset until,
                                                  size_t bytes_max,
                                                  ReadClass read_class) {
  absl::StatusOr<LogIndex> found = IndexOf(scope, from);
  if (!found.ok()) return ReadErrorOf(found.status(), scope.group);
  LogIndex index = *found;
  ReadPiece piece;
  piece.next_offset = from;
  size_t bytes = 0;
  // Goes round again only after a piece of log with control entries alone.
  while (piece.entries.empty() && index <= scope.committed) {
    absl::StatusOr<std::vector<StoredEntry>> entries =
        ReadEntries(scope, index, bytes_max, read_class);
    if (!entries.ok()) return ReadErrorOf(entries.status(), scope.group);
    for (StoredEntry& entry : *entries) {
      if (bytes >= bytes_max || entry.header.base_offset >= until) break;
      index = entry.header.index.Next();
      piece.next_offset = entry.header.next_offset();
      if (!HoldsRecords(entry)) continue;
      bytes += entry.payload.bytes();
      piece.entries.push_back(std::move(entry));
    }
    if (piece.next_offset >= until) break;
  }
  places_.Remember(scope.replica, piece.next_offset, index);
  return piece;
}

absl::StatusOr<std::vector<StoredEntry>> LogReader::ReadEntriesUpTo(
    const ReadScope& scope, LogIndex index, size_t bytes_max,
    ReadClass read_class) {
  absl::StatusOr<EntryHeader> newest = store_->ReadHeader(scope.replica, index);
  if (!newest.ok()) return newest.status();
  // As many as fit if they are like the newest one; fewer if they are not.
  uint64_t count = bytes_max / std::max<uint64_t>(1, newest->payload_bytes);
  count = std::clamp<uint64_t>(count, 1, kBackwardsEntriesMax);
  count = std::min(count, index - scope.base);
  while (true) {
    const LogIndex first = index - (count - 1);
    absl::StatusOr<std::vector<StoredEntry>> entries;
    if (const auto damage = known_->FirstIn(scope.replica, first, index)) {
      entries = KnownDamageError(*damage);
    } else {
      entries = store_->Read(scope.replica, first, index,
                             std::max<size_t>(1, bytes_max) * 2, read_class);
    }
    // Damage below hides what is above only from reads that begin there.
    const bool damaged = absl::IsDataLoss(entries.status()) && count > 1;
    if (!entries.ok() && !damaged) return entries.status();
    if (entries.ok() && !entries->empty() &&
        entries->back().header.index == index) {
      return entries;
    }
    KAPPA_CHECK(count > 1, "a read of one entry returns it");
    count = count / 2;
  }
}

absl::StatusOr<ReadPiece> LogReader::ReadBackwards(const ReadScope& scope,
                                                   Offset from, Offset until,
                                                   size_t bytes_max,
                                                   ReadClass read_class) {
  absl::StatusOr<LogIndex> found =
      store_->FindOffset(scope.replica, from.Previous());
  if (!found.ok()) return ReadErrorOf(found.status(), scope.group);
  LogIndex index = *found;
  ReadPiece piece;
  piece.next_offset = from;
  size_t bytes = 0;
  while (piece.entries.empty() && index > scope.base &&
         piece.next_offset > until) {
    absl::StatusOr<std::vector<StoredEntry>> entries =
        ReadEntriesUpTo(scope, index, bytes_max, read_class);
    if (!entries.ok()) return ReadErrorOf(entries.status(), scope.group);
    index = entries->front().header.index.Previous();
    for (size_t i = entries->size(); i-- > 0;) {
      StoredEntry& entry = (*entries)[i];
      if (bytes >= bytes_max || entry.header.next_offset() <= until) break;
      piece.next_offset = std::min(piece.next_offset, entry.header.base_offset);
      if (!HoldsRecords(entry)) continue;
      bytes += entry.payload.bytes();
      piece.entries.push_back(std::move(entry));
    }
  }
  return piece;
}

absl::StatusOr<Offset> LogReader::FindTime(const ReadScope& scope,
                                           int64_t time_us) {
  absl::StatusOr<LogIndex> index = store_->FindTime(scope.replica, time_us);
  if (!index.ok()) return ReadErrorOf(index.status(), scope.group);
  const LogIndex from = std::max(index->Previous(), scope.base.Next());
  const LogIndex last = std::min(*index, scope.committed);
  const absl::Status whole =
      from <= last ? CheckNotKnown(scope, from, last) : absl::OkStatus();
  if (!whole.ok()) return ReadErrorOf(whole, scope.group);
  if (*index > scope.committed) return scope.end_offset;
  absl::StatusOr<EntryHeader> header = ReadHeader(scope, *index);
  if (!header.ok()) return header.status();
  // A control entry uses no offset: its own is that of the batch after it.
  return header->base_offset;
}

absl::StatusOr<EntryHeader> LogReader::ReadHeader(const ReadScope& scope,
                                                  LogIndex index) {
  const absl::Status whole = CheckNotKnown(scope, index, index);
  if (!whole.ok()) return ReadErrorOf(whole, scope.group);
  absl::StatusOr<EntryHeader> header = store_->ReadHeader(scope.replica, index);
  if (!header.ok()) return ReadErrorOf(header.status(), scope.group);
  return header;
}

absl::StatusOr<EntryHeader> LogReader::ReadHeaderAt(const ReadScope& scope,
                                                    Offset offset) {
  absl::StatusOr<LogIndex> index = store_->FindOffset(scope.replica, offset);
  if (!index.ok()) return ReadErrorOf(index.status(), scope.group);
  return ReadHeader(scope, *index);
}

}  // namespace kappa::server
