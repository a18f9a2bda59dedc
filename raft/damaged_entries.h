// DamagedEntries: the entries of one log that its disk cannot give back.
#ifndef KAPPA_RAFT_DAMAGED_ENTRIES_H_
#define KAPPA_RAFT_DAMAGED_ENTRIES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "proto/wire/types.h"
#include "raft/entry.h"
#include "raft/message.h"
#include "raft/term_table.h"

namespace kappa::raft {

// An entry whose content is lost here; its id and the chain digest up to it are
// known from the log's headers (RELIABILITY.md S7).
struct DamagedEntry {
  EntryId id;
  Digest chain{};
  // The write that puts an equal entry in its place; 0 while none was found.
  uint64_t repair_sequence = 0;
};

// Which entries are damaged and not yet durably repaired.
//
// Invariant: ascending by index, each once.
// Thread safety: thread-compatible.
class DamagedEntries {
 public:
  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }
  const std::vector<DamagedEntry>& entries() const { return entries_; }
  // The id of the lowest one; term 0 if there is none.
  EntryId lowest() const {
    return entries_.empty() ? EntryId{} : entries_.front().id;
  }
  bool Contains(LogIndex index) const;
  // The one at `index`, or nullptr.
  const DamagedEntry* Find(LogIndex index) const;
  // The first damaged index at or above `index`.
  std::optional<LogIndex> FirstFrom(LogIndex index) const;

  // The entry is damaged. One that was being repaired is damaged anew.
  void Add(EntryId id, const Digest& chain);
  // The write with this sequence number puts an equal entry in place of `id`.
  // Returns false if `id` is not damaged, or is being repaired already.
  bool BeginRepair(EntryId id, uint64_t sequence);
  // Every write up to `sequence` is durable. Returns true if that repaired one.
  bool FinishRepairs(uint64_t sequence);
  // The log lost what lies at and above `from`, or up to and with `base`.
  void DropFrom(LogIndex from);
  void DropUpTo(LogIndex base);
  void Clear() { entries_.clear(); }

  // Aborts when the invariant does not hold, or the log holds another entry.
  void CheckInvariants(const TermTable& log) const;

 private:
  std::vector<DamagedEntry> entries_;
};

// What a replica with this log can say of an entry that another one holds
// damaged. kLacks only if the log proves it: what a base covers it cannot tell.
Holding HoldingOf(const TermTable& log, const DamagedEntries& damaged,
                  EntryId id);

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_DAMAGED_ENTRIES_H_
