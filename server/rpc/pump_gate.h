// PumpGate: lets one thread at a time run a step, and makes sure that it runs
// again after every request that came meanwhile.
#ifndef KAPPA_SERVER_RPC_PUMP_GATE_H_
#define KAPPA_SERVER_RPC_PUMP_GATE_H_

#include <atomic>
#include <cstdint>

namespace kappa::server {

// A stream's operations (StartRead, StartWrite, Finish) are started from
// whatever thread has news. Behind the gate they are started one after the
// other, so that none follows Finish, without holding a lock while gRPC runs.
//
// Thread safety: thread-safe; a step may call Run again.
class PumpGate {
 public:
  // Runs `step` here, or leaves it to the thread that is running one.
  template <typename Step>
  void Run(Step step) {
    if (requests_.fetch_add(1, std::memory_order_acq_rel) > 0) return;
    int64_t handled;
    do {
      handled = requests_.load(std::memory_order_acquire);
      step();
    } while (requests_.fetch_sub(handled, std::memory_order_acq_rel) !=
             handled);
  }

 private:
  std::atomic<int64_t> requests_{0};
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_PUMP_GATE_H_
