// ProgressCheck: appends succeed again once no fault is left.
#ifndef KAPPA_TESTS_CHECKER_PROGRESS_CHECK_H_
#define KAPPA_TESTS_CHECKER_PROGRESS_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/checker/findings.h"
#include "tests/checker/history.h"

namespace kappa::checker {

// Finds: no-progress.
class ProgressCheck {
 public:
  // `within_us`: what a heal event that names no time allows.
  ProgressCheck(const History& history, int64_t within_us, Findings* findings)
      : history_(history), within_us_(within_us), findings_(*findings) {}

  void Run();

 private:
  // The attempts to append to one partition.
  struct Partition {
    std::vector<int64_t> begins_us;  // sorted
    std::vector<int64_t> ok_us;      // returns of successful ones, sorted
    // Attempts by their begin, with the latest return of all up to each.
    std::vector<int64_t> last_return_us;
  };

  void CheckHeal(size_t mark);
  void CheckPartition(PartitionId id, const Partition& partition,
                      const Mark& heal, int64_t until_us);

  const History& history_;
  const int64_t within_us_;
  Findings& findings_;
  std::vector<Mark> marks_;  // by time
  std::vector<Partition> partitions_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_PROGRESS_CHECK_H_
