// ReachIndex: how far a log was known to reach, and when.
#ifndef KAPPA_TESTS_CHECKER_REACH_INDEX_H_
#define KAPPA_TESTS_CHECKER_REACH_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kappa::checker {

// Somebody knew at a time that the log's end was at least this.
struct Reach {
  uint64_t end = 0;
  int64_t time_us = 0;
  size_t line = 0;
};

// Thread safety: const after construction.
class ReachIndex {
 public:
  explicit ReachIndex(std::vector<Reach> reaches);

  // The earliest moment at which the log was known to end behind `end`, or
  // nullptr if it never was. O(log n).
  const Reach* EarliestPast(uint64_t end) const;

 private:
  // By end; each one's earliest is the earliest of all from there on.
  std::vector<Reach> reaches_;
  std::vector<size_t> earliest_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_REACH_INDEX_H_
