// AppendTimeCheck: append times never fall.
#ifndef KAPPA_TESTS_CHECKER_APPEND_TIME_CHECK_H_
#define KAPPA_TESTS_CHECKER_APPEND_TIME_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/checker/findings.h"
#include "tests/checker/history.h"

namespace kappa::checker {

// Finds: append-time.
class AppendTimeCheck {
 public:
  AppendTimeCheck(const History& history, Findings* findings)
      : history_(history), findings_(*findings) {}

  void Run();

 private:
  // The records in [offset, next) have this append time.
  struct Point {
    uint64_t offset = 0;
    uint64_t next = 0;
    int64_t time_us = 0;
    size_t line = 0;
  };

  void Add(PartitionId partition, const Delivery& delivery);
  void CheckPartition(PartitionId partition);

  const History& history_;
  Findings& findings_;
  std::vector<std::vector<Point>> points_;  // by partition
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_APPEND_TIME_CHECK_H_
