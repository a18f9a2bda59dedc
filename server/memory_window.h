// MemoryWindow: the newest committed batches of a partition, in memory.
//
// Control entries are left out, so offsets are contiguous:
//
//   ... stored only ...  | batch | batch | batch |  <- committed end
//                        front           back
#ifndef KAPPA_SERVER_MEMORY_WINDOW_H_
#define KAPPA_SERVER_MEMORY_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proto/wire/types.h"
#include "server/ring_queue.h"
#include "storage/log_store.h"

namespace kappa::server {

class WindowBudget;

// Invariant: batches are contiguous in offsets up to the newest committed one.
// Thread safety: thread-compatible.
class MemoryWindow {
 public:
  // `budget` must outlive this and be used by the same thread.
  explicit MemoryWindow(WindowBudget* budget) : budget_(budget) {}
  ~MemoryWindow();
  MemoryWindow(const MemoryWindow&) = delete;
  MemoryWindow& operator=(const MemoryWindow&) = delete;

  // Adds the newest batch; may evict the oldest ones, of any partition.
  void Add(storage::StoredEntry entry);

  bool empty() const { return batches_.empty(); }
  // Requires: !empty().
  Offset first_offset() const { return batches_.front().header.base_offset; }

  // Batches from the one that holds `from`, until their payloads reach
  // `bytes_max` (at least one) or one begins at or above `until`. nullopt when
  // `from` lies before the window.
  // Requires: from < the committed end.
  std::optional<std::vector<storage::StoredEntry>> ReadForwards(
      Offset from, Offset until, size_t bytes_max) const;
  // The same downwards from the batch that holds `from - 1`, while batches end
  // above `until`. Stops early, but not before one batch, where the window
  // begins.
  // Requires: 0 < from <= the committed end.
  std::optional<std::vector<storage::StoredEntry>> ReadBackwards(
      Offset from, Offset until, size_t bytes_max) const;
  // The header at `index`, or null.
  const storage::EntryHeader* FindIndex(LogIndex index) const;

 private:
  // Position of the batch that holds `offset`; nullopt before the window.
  std::optional<size_t> Find(Offset offset) const;

  friend class WindowBudget;

  WindowBudget* const budget_;
  uint64_t id_ = 0;        // the budget's name for it; 0 until it needs one
  size_t held_bytes_ = 0;  // of the budget
  RingQueue<storage::StoredEntry> batches_;
};

// The byte budget of all windows of a shard: the oldest batch goes first,
// whichever partition it is of.
//
// Thread safety: thread-compatible.
class WindowBudget {
 public:
  explicit WindowBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  size_t bytes() const { return bytes_; }
  size_t entries() const { return entries_; }

 private:
  friend class MemoryWindow;
  struct Held {
    uint64_t window_id = 0;
    size_t bytes = 0;
  };

  // Counts a batch just added to `window`, then evicts down to the budget.
  void Hold(MemoryWindow* window, size_t bytes);
  // Gives back what `window`, which goes away, holds.
  void Forget(const MemoryWindow& window);
  void EvictOldest();
  // Drops what `held_` says of windows that are gone, once that is most of it.
  void DropLeftovers();

  const size_t bytes_max_;
  size_t bytes_ = 0;
  size_t entries_ = 0;
  uint64_t last_id_ = 0;
  absl::flat_hash_map<uint64_t, MemoryWindow*> windows_;
  RingQueue<Held> held_;  // oldest first; also of windows that are gone
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_MEMORY_WINDOW_H_
