// The two syncs that make one record durable: what an append of a single
// record costs if nothing else did.
#ifndef KAPPA_TESTS_PERFORMANCE_COMMIT_LIMIT_H_
#define KAPPA_TESTS_PERFORMANCE_COMMIT_LIMIT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace kappa::performance {

struct CommitTimes {
  uint64_t commits = 0;
  double p50_ms = 0;
  double p99_ms = 0;
};

// One after the other: a synced batch with one value of 1 KiB, then a slot of
// 4 KiB of a preallocated file, written and synced. `directory` must be empty.
absl::StatusOr<CommitTimes> MeasureCommit(const std::string& directory,
                                          absl::Duration duration);

}  // namespace kappa::performance

#endif  // KAPPA_TESTS_PERFORMANCE_COMMIT_LIMIT_H_
