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
  static constexpr uint32_t kCallsBetweenAtRest = 30;

  // Asked again and again: true each time while the last look found something,
  // and the first time; else every kCallsBetween-th time, and where `changes`
  // is what it was at the last look, so that nothing new can be found, every
  // kCallsBetweenAtRest-th.
  bool IsTime(uint64_t changes) {
    ++calls_;
    const uint32_t calls_between =
        changes == changes_ ? kCallsBetweenAtRest : kCallsBetween;
    if (!found_.exchange(false) && calls_ < calls_between) return false;
    calls_ = 0;
    changes_ = changes;
    return true;
  }
  // There was something, so there may be more.
  void Found() { found_ = true; }

 private:
  std::atomic<bool> found_{true};
  uint32_t calls_ = 0;
  uint64_t changes_ = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_LOOK_PACE_H_
