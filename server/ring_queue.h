// RingQueue: a first-in first-out queue in one block of memory, which an empty
// one does not have (std::deque holds half a kilobyte from the start).
#ifndef KAPPA_SERVER_RING_QUEUE_H_
#define KAPPA_SERVER_RING_QUEUE_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "proto/wire/check.h"

namespace kappa::server {

// Element 0 is the oldest. Memory grows by doubling and is given back when the
// queue becomes empty after it held more than a few elements.
//
// Thread safety: thread-compatible.
template <typename T>
class RingQueue {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  // Requires: i < size().
  T& operator[](size_t i) {
    KAPPA_CHECK(i < size_, "position outside of the queue");
    return slots_[(first_ + i) & (slots_.size() - 1)];
  }
  const T& operator[](size_t i) const {
    return (*const_cast<RingQueue*>(this))[i];
  }
  // Requires: !empty().
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& back() const { return (*this)[size_ - 1]; }

  T& PushBack(T value) {
    if (size_ == slots_.size()) Grow();
    ++size_;
    back() = std::move(value);
    return back();
  }

  // Takes the oldest element out. Requires: !empty().
  T PopFront() {
    T value = std::exchange(front(), T());
    first_ = (first_ + 1) & (slots_.size() - 1);
    --size_;
    if (size_ == 0 && slots_.size() > kSpareCapacity) {
      std::vector<T>().swap(slots_);
      first_ = 0;
    }
    return value;
  }

  // Drops the newest element. Requires: !empty().
  void PopBack() {
    back() = T();
    --size_;
  }

 private:
  static constexpr size_t kFirstCapacity = 2;
  static constexpr size_t kSpareCapacity = 64;

  void Grow() {
    std::vector<T> larger(slots_.empty() ? kFirstCapacity : slots_.size() * 2);
    for (size_t i = 0; i < size_; ++i) larger[i] = std::move((*this)[i]);
    slots_.swap(larger);
    first_ = 0;
  }

  std::vector<T> slots_;  // its size is 0 or a power of two
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RING_QUEUE_H_
