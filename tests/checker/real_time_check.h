// RealTimeCheck: the log's order agrees with the order of time.
#ifndef KAPPA_TESTS_CHECKER_REAL_TIME_CHECK_H_
#define KAPPA_TESTS_CHECKER_REAL_TIME_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/checker/findings.h"
#include "tests/checker/history.h"
#include "tests/checker/reach_index.h"
#include "tests/checker/version_order.h"

namespace kappa::checker {

// Finds: order, stale-end, end-ahead. A log's offsets are a total order, so a
// cycle of this order and the order of time always has two operations: it is
// enough to compare each with the extremes of the others.
class RealTimeCheck {
 public:
  RealTimeCheck(const History& history, const VersionOrder& order,
                Findings* findings)
      : history_(history), order_(order), findings_(*findings) {}

  void Run();

 private:
  // The end of a log as an answer told it.
  struct ToldEnd {
    const Operation* operation = nullptr;
    uint64_t end = 0;
    bool linearizable = false;
  };
  // A stored batch.
  struct Begin {
    uint64_t base = 0;
    size_t batch = 0;
  };
  // What belongs to one partition.
  struct Partition {
    std::vector<Reach> records;  // shown by records
    std::vector<ToldEnd> ends;
    std::vector<Begin> begins;
  };

  void AddBatches();
  void AddReads();
  void AddEnds();
  void CheckPartition(PartitionId id, Partition* partition);
  void CheckOrder(PartitionId id, const Begin& begin,
                  const ReachIndex& records);
  void CheckStale(PartitionId id, const ToldEnd& told, const ReachIndex& all);
  // `begins` by base; `latest[i]` is the one of begins[0..i] that began last.
  void CheckAhead(PartitionId id, const ToldEnd& told,
                  const std::vector<Begin>& begins,
                  const std::vector<size_t>& latest);

  const History& history_;
  const VersionOrder& order_;
  Findings& findings_;
  std::vector<Partition> partitions_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_REAL_TIME_CHECK_H_
