// Ring: a first-in first-out queue that allocates only to grow.
#ifndef KAPPA_RAFT_RING_H_
#define KAPPA_RAFT_RING_H_

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "proto/wire/check.h"

namespace kappa::raft {

// A queue in one block of memory, 8 bytes when nothing was ever pushed: most
// groups of a process are idle. Element 0 is the oldest.
//
// Thread safety: thread-compatible.
template <typename T>
class Ring {
 public:
  bool empty() const { return size() == 0; }
  size_t size() const { return block_ == nullptr ? 0 : block_->size; }

  // Requires: i < size().
  T& operator[](size_t i) {
    KAPPA_CHECK(i < size(), "ring position outside");
    return block_->At(i);
  }
  const T& operator[](size_t i) const {
    KAPPA_CHECK(i < size(), "ring position outside");
    return block_->At(i);
  }
  // Requires: !empty().
  const T& front() const { return (*this)[0]; }
  const T& back() const { return (*this)[size() - 1]; }

  void PushBack(T value) {
    if (block_ == nullptr) block_ = std::make_unique<Block>();
    if (block_->size == block_->slots.size()) block_->Grow();
    ++block_->size;
    block_->At(block_->size - 1) = std::move(value);
  }
  // Requires: !empty().
  void PopFront() {
    KAPPA_CHECK(!empty(), "ring is empty");
    block_->first = (block_->first + 1) & (block_->slots.size() - 1);
    --block_->size;
  }
  // Gives the memory back if the ring is empty.
  void ReleaseSpare() {
    if (empty()) block_.reset();
  }

 private:
  static constexpr size_t kFirstCapacity = 4;

  struct Block {
    T& At(size_t i) { return slots[(first + i) & (slots.size() - 1)]; }
    void Grow() {
      std::vector<T> larger(slots.size() * 2);
      for (size_t i = 0; i < size; ++i) larger[i] = std::move(At(i));
      slots.swap(larger);
      first = 0;
    }

    std::vector<T> slots = std::vector<T>(kFirstCapacity);  // a power of two
    size_t first = 0;
    size_t size = 0;
  };

  std::unique_ptr<Block> block_;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_RING_H_
