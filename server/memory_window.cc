#include "server/memory_window.h"

#include <string>
#include <utility>

#include "proto/wire/check.h"
#include "proto/wire/payload.h"

namespace kappa::server {
namespace {

// Smaller payloads are copied: they may be slices of a much larger network
// buffer that would stay allocated as long as they do.
constexpr size_t kCopiedBytesMax = 16 << 10;

// What a batch costs besides its payload.
constexpr size_t kBatchOverheadBytes = sizeof(storage::StoredEntry) + 96;

}  // namespace

MemoryWindow::~MemoryWindow() {
  if (id_ != 0) budget_->Forget(*this);
}

void MemoryWindow::Add(storage::StoredEntry entry) {
  KAPPA_CHECK(empty() || batches_.back().header.next_offset() ==
                             entry.header.base_offset,
              "a window has no holes");
  const size_t bytes = entry.payload.bytes();
  if (bytes <= kCopiedBytesMax) {
    entry.payload = Payload::FromString(entry.payload.ToString());
  }
  batches_.PushBack(std::move(entry));
  budget_->Hold(this, bytes + kBatchOverheadBytes);
}

std::optional<size_t> MemoryWindow::Find(Offset offset) const {
  if (empty() || offset < first_offset()) return std::nullopt;
  size_t low = 0;
  size_t high = batches_.size();  // first batch whose end is above `offset`
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (batches_[middle].header.next_offset() > offset) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  KAPPA_CHECK(low < batches_.size(), "a window reaches the committed end");
  return low;
}

std::optional<std::vector<storage::StoredEntry>> MemoryWindow::ReadForwards(
    Offset from, Offset until, size_t bytes_max) const {
  const std::optional<size_t> first = Find(from);
  if (!first.has_value()) return std::nullopt;
  std::vector<storage::StoredEntry> found;
  size_t bytes = 0;
  for (size_t i = *first; i < batches_.size(); ++i) {
    const storage::StoredEntry& batch = batches_[i];
    if (batch.header.base_offset >= until) break;
    found.push_back(batch);
    bytes += batch.payload.bytes();
    if (bytes >= bytes_max) break;
  }
  return found;
}

std::optional<std::vector<storage::StoredEntry>> MemoryWindow::ReadBackwards(
    Offset from, Offset until, size_t bytes_max) const {
  const std::optional<size_t> first = Find(from.Previous());
  if (!first.has_value()) return std::nullopt;
  std::vector<storage::StoredEntry> found;
  size_t bytes = 0;
  for (size_t i = *first + 1; i-- > 0;) {
    const storage::StoredEntry& batch = batches_[i];
    if (batch.header.next_offset() <= until) break;
    found.push_back(batch);
    bytes += batch.payload.bytes();
    if (bytes >= bytes_max) break;
  }
  return found;
}

const storage::EntryHeader* MemoryWindow::FindIndex(LogIndex index) const {
  size_t low = 0;
  size_t high = batches_.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (batches_[middle].header.index < index) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == batches_.size() || batches_[low].header.index != index) {
    return nullptr;
  }
  return &batches_[low].header;
}

void WindowBudget::Hold(MemoryWindow* window, size_t bytes) {
  if (window->id_ == 0) {
    window->id_ = ++last_id_;
    windows_.emplace(window->id_, window);
  }
  held_.PushBack({window->id_, bytes});
  window->held_bytes_ += bytes;
  bytes_ += bytes;
  ++entries_;
  while (bytes_ > bytes_max_) EvictOldest();
}

void WindowBudget::EvictOldest() {
  const Held oldest = held_.PopFront();
  const auto found = windows_.find(oldest.window_id);
  if (found == windows_.end()) return;
  bytes_ -= oldest.bytes;
  --entries_;
  found->second->held_bytes_ -= oldest.bytes;
  found->second->batches_.PopFront();
}

void WindowBudget::Forget(const MemoryWindow& window) {
  windows_.erase(window.id_);
  bytes_ -= window.held_bytes_;
  entries_ -= window.batches_.size();
  DropLeftovers();
}

void WindowBudget::DropLeftovers() {
  constexpr size_t kLeftoversMin = 1024;
  if (held_.size() < 2 * entries_ + kLeftoversMin) return;
  RingQueue<Held> kept;
  while (!held_.empty()) {
    const Held held = held_.PopFront();
    if (windows_.contains(held.window_id)) kept.PushBack(held);
  }
  held_ = std::move(kept);
}

}  // namespace kappa::server
