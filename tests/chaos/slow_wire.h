// SlowWire: joins network interfaces with delay, reordering and duplicates.
#ifndef KAPPA_TESTS_CHAOS_SLOW_WIRE_H_
#define KAPPA_TESTS_CHAOS_SLOW_WIRE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <vector>

namespace kappa::chaos {

// What happens to a frame on its way; shares are from 0 to 1.
struct WireFaults {
  // Each frame takes a time drawn between these; order is kept.
  int64_t delay_us_min = 0;
  int64_t delay_us_max = 0;
  // This share overtakes what is under way.
  double reordered = 0;
  // This share arrives twice.
  double duplicated = 0;
};

// A switch in user space (this kernel has no netem): takes every frame that an
// interface receives and sends it out of the one behind which its receiver was
// seen, of all when it was not. Faults hit frames between interfaces other than
// the first one, which is the clients'.
//
// Thread safety: thread-compatible.
class SlowWire {
 public:
  // Ends the process when an interface cannot be opened.
  SlowWire(const std::vector<std::string>& interfaces, WireFaults faults,
           uint64_t seed);
  ~SlowWire();
  SlowWire(const SlowWire&) = delete;
  SlowWire& operator=(const SlowWire&) = delete;

  // Carries frames until standard input ends.
  void Run();

 private:
  using Address = std::array<uint8_t, 6>;
  using Bytes = std::shared_ptr<const std::vector<uint8_t>>;

  struct Frame {
    int64_t due_us;
    uint64_t number;  // of frames that are due at the same time
    size_t to;
    Bytes bytes;
    bool operator>(const Frame& other) const {
      return due_us != other.due_us ? due_us > other.due_us
                                    : number > other.number;
    }
  };

  void Receive(size_t from);
  void Forward(size_t from, size_t to, const Bytes& bytes);
  void Schedule(size_t to, int64_t due_us, const Bytes& bytes);
  // Sends what is due; how many milliseconds until the next, -1: none.
  int SendDue();

  const WireFaults faults_;
  std::mt19937_64 random_;
  std::vector<int> sockets_;
  std::map<Address, size_t> seen_behind_;
  std::priority_queue<Frame, std::vector<Frame>, std::greater<>> under_way_;
  // When the last frame in order from one interface to another is due.
  std::map<std::pair<size_t, size_t>, int64_t> last_due_us_;
  uint64_t frames_ = 0;
};

}  // namespace kappa::chaos

#endif  // KAPPA_TESTS_CHAOS_SLOW_WIRE_H_
