// Comparison: expected and actual values, side by side.
#ifndef KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_COMPARISON_H_
#define KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_COMPARISON_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace kappa::raft {

// Rows that are equal are shown too, so that a failure tells the whole state.
class Comparison {
 public:
  explicit Comparison(std::string subject) : subject_(std::move(subject)) {}

  void Add(std::string name, std::string expected, std::string actual);
  // OK if every row is equal; otherwise FAILED_PRECONDITION with the table.
  absl::Status Result() const;

 private:
  struct Row {
    std::string name;
    std::string expected;
    std::string actual;
  };
  std::string subject_;
  std::vector<Row> rows_;
};

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_COMPARISON_H_
