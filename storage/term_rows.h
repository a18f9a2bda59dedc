// Where terms begin in a replica's log, in rows beside it: what an entry that
// cannot be read would have told (RELIABILITY.md S7).
//
//   ... T 0 : (term 1, index 1) (term 3, index 9) ...   kTermsPerRow of them
//   ... T 1 : ...
#ifndef KAPPA_STORAGE_TERM_ROWS_H_
#define KAPPA_STORAGE_TERM_ROWS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "proto/wire/types.h"
#include "raft/entry.h"
#include "storage/log_store.h"

namespace kappa::storage {

inline constexpr size_t kTermsPerRow = 128;

// Where the rows are, in SideTable::kProducers: among the replica's rows there,
// which are dropped with the replica.
std::string TermRowsPrefix(ReplicaNumber replica);
// What changes of the rows of `replica` when the terms of its log begin at
// `starts` (all of them, ascending), to be written together with the entries.
// The rows hold `before` starts, or none at all, of which the first `kept` are
// among `starts`. Requires: kept <= starts.size().
std::vector<SideRow> TermRows(ReplicaNumber replica,
                              absl::Span<const raft::EntryId> starts,
                              size_t kept, size_t before);
// What the rows say; nothing where there are none: an older build wrote the
// log.
// Errors: those of the store; DATA_LOSS: damaged.
absl::StatusOr<std::vector<raft::EntryId>> ReadTermRows(const LogStore& store,
                                                        ReplicaNumber replica);

struct FoundTermStarts {
  std::vector<raft::EntryId> starts;
  // An entry that was wanted is damaged, and the rows told instead; OK: none
  // is.
  absl::Status damage;
};

// LogStore::TermStarts. Where a damaged entry is in the way the rows tell, but
// only if they fit the group row and every readable entry where a term begins
// or ends.
// Errors: those of the store; DATA_LOSS (DamagedIndexOf names the entry): the
// rows do not tell it.
absl::StatusOr<FoundTermStarts> FindTermStarts(const LogStore& store,
                                               ReplicaNumber replica);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_TERM_ROWS_H_
