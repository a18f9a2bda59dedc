// ConditionCheck: conditional appends happen where expected.
#ifndef KAPPA_TESTS_CHECKER_CONDITION_CHECK_H_
#define KAPPA_TESTS_CHECKER_CONDITION_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "tests/checker/findings.h"
#include "tests/checker/history.h"
#include "tests/checker/version_order.h"

namespace kappa::checker {

// Finds: condition-wrong-offset, condition-twice, false-refusal.
class ConditionCheck {
 public:
  ConditionCheck(const History& history, const VersionOrder& order,
                 Findings* findings)
      : history_(history), order_(order), findings_(*findings) {}

  void Run();

 private:
  void CheckRefusal(const Append& append);
  void CheckStored(size_t number);
  // An accepted attempt expected this offset.
  void CheckOnce(const Append& append);

  const History& history_;
  const VersionOrder& order_;
  Findings& findings_;
  // The attempt that was accepted at an expected offset.
  absl::flat_hash_map<std::pair<PartitionId, uint64_t>, const Append*>
      accepted_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_CONDITION_CHECK_H_
