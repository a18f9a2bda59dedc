// Pace: keeps a client to a rate, so that two cores can carry all of them.
#ifndef KAPPA_TESTS_CHAOS_PACE_H_
#define KAPPA_TESTS_CHAOS_PACE_H_

#include "absl/time/time.h"
#include "tests/chaos/stop_signal.h"

namespace kappa::chaos {

// Hands out turns, evenly spaced. Turns that were missed, because a call took
// long, are not made up for.
//
// Thread safety: thread-compatible; each thread has its own.
class Pace {
 public:
  // `turns_per_second` above 0. `stop` must outlive the pace.
  Pace(double turns_per_second, StopSignal& stop);

  // Waits for the next turn. Returns false once the run is over.
  bool Next();

 private:
  const absl::Duration interval_;
  StopSignal& stop_;
  absl::Time next_;
};

}  // namespace kappa::chaos

#endif  // KAPPA_TESTS_CHAOS_PACE_H_
