// ContentCheck: one value per offset, one offset per value, bytes as sent.
#ifndef KAPPA_TESTS_CHECKER_CONTENT_CHECK_H_
#define KAPPA_TESTS_CHECKER_CONTENT_CHECK_H_

#include "tests/checker/findings.h"
#include "tests/checker/history.h"
#include "tests/checker/version_order.h"

namespace kappa::checker {

// Finds: inconsistent-offset, duplicate, never-appended, altered-bytes.
class ContentCheck {
 public:
  ContentCheck(const History& history, const VersionOrder& order,
               Findings* findings)
      : history_(history), order_(order), findings_(*findings) {}

  void Run();

 private:
  void CheckUnsent(const Sighting& sighting);
  // That nothing was read before it was sent.
  void CheckReadTime(ValueId value);
  void CheckDigests(PartitionId partition, const Delivery& delivery);

  const History& history_;
  const VersionOrder& order_;
  Findings& findings_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_CONTENT_CHECK_H_
