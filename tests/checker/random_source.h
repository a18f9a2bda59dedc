// RandomSource: numbers from one seed.
#ifndef KAPPA_TESTS_CHECKER_RANDOM_SOURCE_H_
#define KAPPA_TESTS_CHECKER_RANDOM_SOURCE_H_

#include <cstdint>
#include <random>

namespace kappa::checker {

// Thread safety: thread-compatible.
class RandomSource {
 public:
  explicit RandomSource(uint64_t seed) : engine_(seed * 2654435761u + 1) {}

  // From 0 to n - 1. Requires: n > 0.
  uint64_t Below(uint64_t n) { return engine_() % n; }
  // From low to high.
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(Below(high - low + 1));
  }
  // True in `percent` of a hundred times.
  bool Percent(uint64_t percent) { return Below(100) < percent; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_RANDOM_SOURCE_H_
