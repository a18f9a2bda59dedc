// RunBeside: a benchmark and, in the same line, the limit of the machine for
// the same work.
#ifndef KAPPA_TESTS_PERFORMANCE_BESIDE_LIMIT_H_
#define KAPPA_TESTS_PERFORMANCE_BESIDE_LIMIT_H_

#include <benchmark/benchmark.h>
#include <time.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace kappa::performance {

// What one call of the work handles.
struct Volume {
  size_t bytes = 0;
  size_t items = 1;
};

// What is compared: time of this thread on a core, which other programs change
// little; or time that passes, where others do the work.
enum class Measure { kCpuTime, kRealTime };

inline double SecondsNow(Measure measure) {
  timespec now;
  clock_gettime(
      measure == Measure::kCpuTime ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC,
      &now);
  return static_cast<double>(now.tv_sec) +
         static_cast<double>(now.tv_nsec) * 1e-9;
}

// Mean seconds of one call of `work`.
template <typename Work>
double SecondsOfOne(Measure measure, Work work) {
  constexpr double kEnoughSeconds = 0.05;
  for (uint64_t calls = 1;; calls *= 2) {
    const double begin = SecondsNow(measure);
    for (uint64_t call = 0; call < calls; ++call) work();
    const double seconds = SecondsNow(measure) - begin;
    if (seconds >= kEnoughSeconds) return seconds / static_cast<double>(calls);
  }
}

// Measures `work`, and then `limit`: the least that any program would do for
// the same. Reports `limit_us`, of one call, and `times_limit`: how many times
// as long the work takes.
template <typename Work, typename Limit>
void RunBeside(benchmark::State& state, Volume volume,
               std::string_view limit_name, Work work, Limit limit,
               Measure measure = Measure::kCpuTime) {
  const double begin = SecondsNow(measure);
  for (auto unused : state) work();
  const auto calls = static_cast<double>(state.iterations());
  const double own_seconds = (SecondsNow(measure) - begin) / calls;
  const double limit_seconds = SecondsOfOne(measure, limit);
  if (volume.bytes > 0) {
    state.SetBytesProcessed(
        static_cast<int64_t>(state.iterations() * volume.bytes));
  }
  state.SetItemsProcessed(
      static_cast<int64_t>(state.iterations() * volume.items));
  state.counters["limit_us"] = limit_seconds * 1e6;
  state.counters["times_limit"] = own_seconds / limit_seconds;
  state.SetLabel("limit: " + std::string(limit_name));
}

// A limit: copies `from` to the same place again and again.
class CopyOf {
 public:
  explicit CopyOf(std::string_view from) : from_(from), to_(from) {}

  void operator()() {
    std::memcpy(to_.data(), from_.data(), from_.size());
    benchmark::DoNotOptimize(to_.data());
    benchmark::ClobberMemory();
  }

 private:
  std::string from_;
  std::string to_;
};

}  // namespace kappa::performance

#endif  // KAPPA_TESTS_PERFORMANCE_BESIDE_LIMIT_H_
