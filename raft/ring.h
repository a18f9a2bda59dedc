// Ring: a first-in first-out queue that allocates only to grow.
#ifndef KAPPA_RAFT_RING_H_
#define KAPPA_RAFT_RING_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "proto/wire/check.h"

namespace kappa::raft {

// A queue in one block of memory, 40 bytes when empty (std::deque holds half a
// kilobyte from the start). Element 0 is the oldest.
//
// Thread safety: thread-compatible.
template <typename T>
class Ring {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  // Requires: i < size().
  T& operator[](size_t i) {
    KAPPA_CHECK(i < size_, "ring position outside");
    return slots_[(first_ + i) & (slots_.size() - 1)];
  }
  const T& operator[](size_t i) const {
    KAPPA_CHECK(i < size_, "ring position outside");
    return slots_[(first_ + i) & (slots_.size() - 1)];
  }
  // Requires: !empty().
  const T& front() const { return (*this)[0]; }
  const T& back() const { return (*this)[size_ - 1]; }

  void PushBack(T value) {
    if (size_ == slots_.size()) Grow();
    slots_[(first_ + size_) & (slots_.size() - 1)] = std::move(value);
    ++size_;
  }
  // Requires: !empty().
  void PopFront() {
    KAPPA_CHECK(size_ > 0, "ring is empty");
    first_ = (first_ + 1) & (slots_.size() - 1);
    --size_;
  }
  // Gives the memory back if the ring is empty.
  void ReleaseSpare() {
    if (size_ != 0 || slots_.empty()) return;
    std::vector<T>().swap(slots_);
    first_ = 0;
  }

 private:
  static constexpr size_t kFirstCapacity = 4;

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

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_RING_H_
