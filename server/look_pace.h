// LookPace: how often to look for work that is seldom there.
#ifndef KAPPA_SERVER_LOOK_PACE_H_
#define KAPPA_SERVER_LOOK_PACE_H_

#include <atomic>
#include <cstdint>

namespace kappa::server {

// Looking at ten thousand groups that sleep costs milliseconds; most of the
// time nothing is found.
//
// Thread safety: Found is thread-safe; IsTime is for one thread.
class LookPace {
 public:
  static constexpr uint32_t kCallsBetween = 5;

  // Asked again and again: true each time while the last look found something,
  // else every kCallsBetween-th time, and the first time.
  bool IsTime() {
    if (!found_.exchange(false) && ++calls_ < kCallsBetween) return false;
    calls_ = 0;
    return true;
  }
  // There was something, so there may be more.
  void Found() { found_ = true; }

 private:
  std::atomic<bool> found_{true};
  uint32_t calls_ = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_LOOK_PACE_H_
