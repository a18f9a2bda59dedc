// FinalCheck: the nodes hold one log without holes.
#ifndef KAPPA_TESTS_CHECKER_FINAL_CHECK_H_
#define KAPPA_TESTS_CHECKER_FINAL_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "tests/checker/findings.h"
#include "tests/checker/history.h"

namespace kappa::checker {

// Finds: divergence, gap (of a final read), and step-back, stale-end of a final
// read.
class FinalCheck {
 public:
  FinalCheck(const History& history, Findings* findings)
      : history_(history), findings_(*findings) {}

  void Run();

 private:
  using Place = std::pair<PartitionId, uint64_t>;
  template <typename T>
  struct Seen {
    T what;
    size_t line = 0;
    TextId node{};
  };

  void CheckDense(const FinalRead& final);
  void CheckAlike(const FinalRead& final, const FinalRead& first);
  void CheckChains();
  // The digest of the log up to `end`.
  void AddChain(PartitionId partition, uint64_t end, TextId chain, size_t line);
  void AddChains(PartitionId partition, const Delivery& delivery);
  std::string NodeOf(const FinalRead& final) const;

  const History& history_;
  Findings& findings_;
  absl::flat_hash_map<Place, Seen<ValueId>> values_;  // of first final reads
  absl::flat_hash_map<Place, Seen<TextId>> chains_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_FINAL_CHECK_H_
