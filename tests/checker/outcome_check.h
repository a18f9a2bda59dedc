// OutcomeCheck: what was answered about an append is true.
#ifndef KAPPA_TESTS_CHECKER_OUTCOME_CHECK_H_
#define KAPPA_TESTS_CHECKER_OUTCOME_CHECK_H_

#include "tests/checker/findings.h"
#include "tests/checker/history.h"
#include "tests/checker/version_order.h"

namespace kappa::checker {

// Finds: lost-write, never-seen, aborted-read, false-failure, vanished-read.
class OutcomeCheck {
 public:
  OutcomeCheck(const History& history, const VersionOrder& order,
               Findings* findings)
      : history_(history), order_(order), findings_(*findings) {}

  void Run();

 private:
  void CheckAcknowledged(const Batch& batch, const BatchFacts& facts);
  void CheckFailed(const Batch& batch);
  void CheckVanished(const Batch& batch);

  const History& history_;
  const VersionOrder& order_;
  Findings& findings_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_OUTCOME_CHECK_H_
