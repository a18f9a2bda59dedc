// BatchCheck: batches are whole and contiguous.
#ifndef KAPPA_TESTS_CHECKER_BATCH_CHECK_H_
#define KAPPA_TESTS_CHECKER_BATCH_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/checker/anomaly.h"
#include "tests/checker/findings.h"
#include "tests/checker/history.h"
#include "tests/checker/version_order.h"

namespace kappa::checker {

// Finds: torn-batch.
class BatchCheck {
 public:
  BatchCheck(const History& history, const VersionOrder& order,
             Findings* findings)
      : history_(history), order_(order), findings_(*findings) {}

  void Run();

 private:
  void CheckContiguous(size_t number);
  // That the final reads have all of it or nothing.
  void CheckWhole(size_t number);
  // That no end lies inside a batch.
  void CheckEnd(const Operation& operation, uint64_t end);
  Anomaly Torn(size_t number, std::string text) const;

  const History& history_;
  const VersionOrder& order_;
  Findings& findings_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_BATCH_CHECK_H_
