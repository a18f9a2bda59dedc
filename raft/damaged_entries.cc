#include "raft/damaged_entries.h"

#include <algorithm>

#include "proto/wire/check.h"

namespace kappa::raft {
namespace {

bool Below(const DamagedEntry& entry, LogIndex index) {
  return entry.id.index < index;
}

}  // namespace

const DamagedEntry* DamagedEntries::Find(LogIndex index) const {
  auto found = std::lower_bound(entries_.begin(), entries_.end(), index, Below);
  return found == entries_.end() || found->id.index != index ? nullptr
                                                             : &*found;
}

bool DamagedEntries::Contains(LogIndex index) const {
  return Find(index) != nullptr;
}

std::optional<LogIndex> DamagedEntries::FirstFrom(LogIndex index) const {
  auto found = std::lower_bound(entries_.begin(), entries_.end(), index, Below);
  if (found == entries_.end()) return std::nullopt;
  return found->id.index;
}

void DamagedEntries::Add(EntryId id, const Digest& chain) {
  auto place =
      std::lower_bound(entries_.begin(), entries_.end(), id.index, Below);
  if (place != entries_.end() && place->id.index == id.index) {
    *place = DamagedEntry{id, chain, 0};
  } else {
    entries_.insert(place, DamagedEntry{id, chain, 0});
  }
}

bool DamagedEntries::BeginRepair(EntryId id, uint64_t sequence) {
  auto found =
      std::lower_bound(entries_.begin(), entries_.end(), id.index, Below);
  if (found == entries_.end() || found->id != id ||
      found->repair_sequence != 0) {
    return false;
  }
  found->repair_sequence = sequence;
  return true;
}

bool DamagedEntries::FinishRepairs(uint64_t sequence) {
  return std::erase_if(entries_, [&](const DamagedEntry& entry) {
           return entry.repair_sequence != 0 &&
                  entry.repair_sequence <= sequence;
         }) > 0;
}

void DamagedEntries::DropFrom(LogIndex from) {
  entries_.erase(
      std::lower_bound(entries_.begin(), entries_.end(), from, Below),
      entries_.end());
}

void DamagedEntries::DropUpTo(LogIndex base) {
  entries_.erase(
      entries_.begin(),
      std::lower_bound(entries_.begin(), entries_.end(), base.Next(), Below));
}

void DamagedEntries::CheckInvariants(const TermTable& log) const {
  LogIndex previous = log.base().index;
  for (const DamagedEntry& entry : entries_) {
    KAPPA_CHECK(entry.id.index > previous, "ascending, above the base");
    KAPPA_CHECK(log.TermAt(entry.id.index) == entry.id.term,
                "damaged is what the log holds");
    previous = entry.id.index;
  }
}

Holding HoldingOf(const TermTable& log, const DamagedEntries& damaged,
                  EntryId id) {
  if (id.index <= log.base().index) return Holding::kUnknown;
  if (log.TermAt(id.index) != id.term) return Holding::kLacks;
  return damaged.Contains(id.index) ? Holding::kUnknown : Holding::kHolds;
}

}  // namespace kappa::raft
