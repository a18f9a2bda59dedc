// CheckHistory: all checks of a history.
#ifndef KAPPA_TESTS_CHECKER_CHECK_H_
#define KAPPA_TESTS_CHECKER_CHECK_H_

#include <cstddef>
#include <cstdint>

#include "tests/checker/findings.h"
#include "tests/checker/history.h"

namespace kappa::checker {

struct CheckOptions {
  // Within which appends must succeed again after a heal event that names no
  // time of its own.
  int64_t progress_us = 30'000'000;
  // How many anomalies of each kind are kept; all are counted.
  size_t kept_max = 10;
};

// Returns what is wrong. O(n log n) in records that were sent or delivered.
Findings CheckHistory(const History& history, const CheckOptions& options);

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_CHECK_H_
