// Clock: where time comes from. Production wires SystemClock, tests
// ManualClock.
#ifndef KAPPA_PROTO_WIRE_CLOCK_H_
#define KAPPA_PROTO_WIRE_CLOCK_H_

#include <cstdint>

namespace kappa {

// Thread safety: thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall clock, microseconds since 1970-01-01T00:00:00Z; may jump.
  virtual int64_t NowUs() const = 0;
  // Monotonic microseconds since some fixed moment; never falls.
  virtual int64_t MonotonicUs() const = 0;
};

// The machine's clocks (CLOCK_REALTIME, CLOCK_MONOTONIC).
class SystemClock final : public Clock {
 public:
  int64_t NowUs() const override;
  int64_t MonotonicUs() const override;
};

}  // namespace kappa

#endif  // KAPPA_PROTO_WIRE_CLOCK_H_
