// TermTable: where in a log each term begins.
#ifndef KAPPA_RAFT_TERM_TABLE_H_
#define KAPPA_RAFT_TERM_TABLE_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "proto/wire/types.h"
#include "raft/entry.h"

namespace kappa::raft {

// The shape of one replica's log: its base, its last entry and the first entry
// of every term between them. That is enough to know the term of any index
// without reading the log, and to find where two logs part in a few steps.
//
//   base   starts[0]      starts[1]           last
//    |      |  term 2      |  term 5           |
//   [3] 4   4   5   6      7   8   9   10  11  12
//
// Invariant: base().index < starts[0].index < starts[1].index < ... <=
// last().index, with terms ascending; last() == base() if there are none.
// Thread safety: thread-compatible.
class TermTable {
 public:
  // An empty log after `base`.
  explicit TermTable(EntryId base) : base_(base), last_(base) {}
  // A log as storage recovered it.
  // Requires: the class invariant; starts[0] follows the base directly.
  TermTable(EntryId base, EntryId last, std::vector<EntryId> starts);

  EntryId base() const { return base_; }
  EntryId last() const { return last_; }
  const std::vector<EntryId>& starts() const { return starts_; }

  // Adds the next entry.
  // Requires: id.index == last().index + 1, id.term >= last().term.
  void Append(EntryId id);
  // Drops `from` and everything above it.
  // Requires: base().index < from <= last().index.
  void TruncateFrom(LogIndex from);

  // Drops everything up to and including `base`, which becomes the base.
  // Requires: base().index < base.index <= last().index; base is in the log.
  void TrimTo(EntryId base);

  // The term of an index in [base, last]; nullopt outside.
  std::optional<Term> TermAt(LogIndex index) const;

  // The newest starts at or below `index`, at most `count_max`, ascending. The
  // base counts as the lowest start. Empty if `index` is below the base.
  std::vector<EntryId> StartsUpTo(LogIndex index, size_t count_max) const;

  // Where to try next to find the last entry that this log and another one
  // share. `other_starts` is a StartsUpTo() of the other log up to `other_end`.
  // Returns the highest index at which the logs can agree given the log
  // matching property (Raft paper §5.3); they do agree there unless the answer
  // is below other_starts[0]. Walks down from both sides by whole terms.
  LogIndex HighestPossibleMatch(const std::vector<EntryId>& other_starts,
                                LogIndex other_end) const;

  // Aborts when the class invariant does not hold.
  void CheckInvariants() const;

 private:
  EntryId base_;
  EntryId last_;
  std::vector<EntryId> starts_;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_TERM_TABLE_H_
