// EventQueue: what will happen in simulated time.
#ifndef KAPPA_TESTS_SIMULATION_EVENT_QUEUE_H_
#define KAPPA_TESTS_SIMULATION_EVENT_QUEUE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kappa::simulation {

enum class EventKind : uint8_t {
  kTick,        // of a node's clock
  kDelivery,    // of packet `index`
  kSync,        // the oldest cycle in flight is durable
  kCompletion,  // a late one, number `index`
  kWork,        // a node takes what its cores put out
  kGreeting,    // a node says hello to those it has not met
  kRestart,     // of a process that ended
  kResume,      // of a process that stood still
  kNodeBeat,    // between nodes, for liveness
  kScrub,       // a node reads what it stores
  kFault,       // number `index` of the plan
  kFaultEnd,
  kProposal,  // clients
  kRead,
  kOperator,
};

struct Event {
  int64_t at_us = 0;
  uint64_t sequence = 0;  // events of one instant happen in their order
  uint32_t index = 0;
  EventKind kind = EventKind::kTick;
  uint8_t node = 0;
  uint16_t process = 0;  // of the node; events of a former one are void
};

// A priority queue by time.
//
// Thread safety: thread-compatible.
class EventQueue {
 public:
  int64_t now_us() const { return now_us_; }
  bool empty() const { return heap_.empty(); }
  const Event& front() const { return heap_.front(); }

  // Requires: at_us >= now_us().
  void Add(int64_t at_us, EventKind kind, uint8_t node = 0,
           uint16_t process = 0, uint32_t index = 0) {
    Event event;
    event.at_us = std::max(at_us, now_us_);
    event.sequence = next_sequence_++;
    event.index = index;
    event.kind = kind;
    event.node = node;
    event.process = process;
    heap_.push_back(event);
    std::push_heap(heap_.begin(), heap_.end(), Later);
  }
  // The next event; time moves there. Requires: !empty().
  Event Take() {
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    const Event event = heap_.back();
    heap_.pop_back();
    now_us_ = event.at_us;
    return event;
  }

 private:
  static bool Later(const Event& a, const Event& b) {
    return a.at_us != b.at_us ? a.at_us > b.at_us : a.sequence > b.sequence;
  }

  std::vector<Event> heap_;
  int64_t now_us_ = 0;
  uint64_t next_sequence_ = 0;
};

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_EVENT_QUEUE_H_
