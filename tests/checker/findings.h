// Findings: the anomalies that were found.
#ifndef KAPPA_TESTS_CHECKER_FINDINGS_H_
#define KAPPA_TESTS_CHECKER_FINDINGS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "tests/checker/anomaly.h"

namespace kappa::checker {

// Counts every anomaly and keeps the first few of each kind: one fault of the
// log can show in every line of a history.
//
// Thread safety: thread-compatible.
class Findings {
 public:
  explicit Findings(size_t kept_max) : kept_max_(kept_max) {}

  // Counts one of `kind`. If it is kept, `make` is called for the rest of it:
  // Anomaly make(); its kind is set here.
  template <typename Make>
  void Add(AnomalyKind kind, Make make) {
    if (++counts_[static_cast<size_t>(kind)] > kept_max_) return;
    Anomaly anomaly = make();
    anomaly.kind = kind;
    kept_.push_back(std::move(anomaly));
  }
  // Records how far an answer of which no more is promised lay behind.
  void AddLag(int64_t lag_us) { lag_us_max_ = std::max(lag_us_max_, lag_us); }

  uint64_t Count(AnomalyKind kind) const {
    return counts_[static_cast<size_t>(kind)];
  }
  bool empty() const {
    return std::all_of(counts_.begin(), counts_.end(),
                       [](uint64_t count) { return count == 0; });
  }
  // In the order in which they were found.
  const std::vector<Anomaly>& kept() const { return kept_; }
  // How long, at most, the end that a committed-so-far answer gave had stopped
  // being the end when its call began.
  int64_t lag_us_max() const { return lag_us_max_; }

 private:
  size_t kept_max_;
  std::array<uint64_t, kAnomalyKinds> counts_ = {};
  std::vector<Anomaly> kept_;
  int64_t lag_us_max_ = 0;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_FINDINGS_H_
