// ReadOrderCheck: reads deliver every offset, in order, once.
#ifndef KAPPA_TESTS_CHECKER_READ_ORDER_CHECK_H_
#define KAPPA_TESTS_CHECKER_READ_ORDER_CHECK_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "tests/checker/findings.h"
#include "tests/checker/history.h"

namespace kappa::checker {

// Finds: skip, step-back, gap (that a read was told of).
class ReadOrderCheck {
 public:
  ReadOrderCheck(const History& history, Findings* findings)
      : history_(history), findings_(*findings) {}

  void Run();

 private:
  void CheckRead(const Read& read);
  // Takes a delivery; `next` is where it must begin, if known, and then where
  // the following must, and `line` which line says so.
  void CheckDelivery(const Read& read, const Delivery& delivery,
                     std::optional<uint64_t>* next, size_t* line);

  // Where a process stands in a partition.
  struct Position {
    uint64_t next = 0;
    size_t line = 0;  // that says so
  };

  const History& history_;
  Findings& findings_;
  absl::flat_hash_map<std::pair<uint64_t, PartitionId>, Position> positions_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_READ_ORDER_CHECK_H_
