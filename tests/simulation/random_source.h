// RandomSource: random numbers from a seed, the same on every machine.
#ifndef KAPPA_TESTS_SIMULATION_RANDOM_SOURCE_H_
#define KAPPA_TESTS_SIMULATION_RANDOM_SOURCE_H_

#include <cstdint>

namespace kappa::simulation {

// Mixes two numbers into one that looks like neither.
constexpr uint64_t Mix(uint64_t a, uint64_t b) {
  uint64_t x = a * 0x9e3779b97f4a7c15 + b;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// splitmix64. Parts that draw from sources of their own do not disturb each
// other: leaving out a fault leaves the rest of a run's draws as they are.
//
// Thread safety: thread-compatible.
class RandomSource {
 public:
  RandomSource(uint64_t seed, uint64_t stream) : state_(Mix(seed, stream)) {}

  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t x = state_;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }
  // 0 to bound - 1. Requires: bound > 0.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>(
        (static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
  // Both ends included. Requires: low <= high.
  int64_t Between(int64_t low, int64_t high) {
    return low +
           static_cast<int64_t>(Below(static_cast<uint64_t>(high - low) + 1));
  }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  // True `ppm` times in a million.
  bool Chance(uint32_t ppm) { return ppm > 0 && Below(1'000'000) < ppm; }

 private:
  uint64_t state_;
};

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_RANDOM_SOURCE_H_
