// Summary: how much a history holds.
#ifndef KAPPA_TESTS_CHECKER_SUMMARY_H_
#define KAPPA_TESTS_CHECKER_SUMMARY_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "tests/checker/event.h"
#include "tests/checker/history.h"

namespace kappa::checker {

// A run of which some number is 0 has shown less than it seems to.
struct Summary {
  explicit Summary(const History& history);

  // Operations by kind and outcome.
  std::array<std::array<uint64_t, 3>, 6> operations = {};
  uint64_t acknowledged_batches = 0;
  uint64_t acknowledged_records = 0;
  // Batches of which nothing is known but that they may have been stored, by
  // whether a final read has them.
  uint64_t unknown_stored = 0;
  uint64_t unknown_absent = 0;
  uint64_t delivered_records = 0;
  uint64_t final_records = 0;
  uint64_t final_reads = 0;

  uint64_t Count(OperationKind kind, Outcome outcome) const {
    return operations[static_cast<size_t>(kind)][static_cast<size_t>(outcome)];
  }

 private:
  void Add(const Operation& operation) {
    ++operations[static_cast<size_t>(operation.kind)]
                [static_cast<size_t>(operation.outcome)];
  }
  void AddBatches(const History& history);
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_SUMMARY_H_
