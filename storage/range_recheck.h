// RangeRecheck: reads entries that were once found damaged again, piece by
// piece, until it is known whether they are.
#ifndef KAPPA_STORAGE_RANGE_RECHECK_H_
#define KAPPA_STORAGE_RANGE_RECHECK_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "storage/log_audit.h"
#include "storage/log_store.h"
#include "storage/scrub_state.h"

namespace kappa::storage {

// Thread safety: thread-compatible; the store may be written to meanwhile.
class RangeRecheck {
 public:
  struct Step {
    // Read; a piece that cannot be read counts as a full one.
    uint64_t bytes = 0;
    // Absent: there is more to read.
    std::optional<bool> damaged;
  };

  // Borrows the store.
  RangeRecheck(const LogStore* store, const ScrubRange& range)
      : store_(store),
        replica_(range.replica),
        next_(range.first),
        last_(range.last) {}

  // Reads the next piece, at most about 1 MiB. Anything damaged makes the range
  // damaged, and the rest is not read. What is gone with its replica, or by a
  // cut or trim of its log, is not damaged.
  // Errors: nothing can be said of the bytes now; the next call tries again.
  absl::StatusOr<Step> ReadPiece();

 private:
  const LogStore* const store_;
  const ReplicaNumber replica_;
  LogIndex next_;
  const LogIndex last_;
  // Of what stands before next_; absent until something was read.
  std::optional<LogAudit> audit_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_RANGE_RECHECK_H_
