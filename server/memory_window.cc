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
  if (!batches_.empty()) budget_->Forget(this);
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

void MemoryWindow::EvictOldest() { batches_.PopFront(); }

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
  held_.PushBack({window, bytes});
  bytes_ += bytes;
  ++entries_;
  while (bytes_ > bytes_max_) {
    const Held oldest = held_.PopFront();
    if (oldest.window == nullptr) continue;
    bytes_ -= oldest.bytes;
    --entries_;
    oldest.window->EvictOldest();
  }
}

void WindowBudget::Forget(const MemoryWindow* window) {
  for (size_t i = 0; i < held_.size(); ++i) {
    if (held_[i].window != window) continue;
    bytes_ -= held_[i].bytes;
    --entries_;
    held_[i] = Held();
  }
}

}  // namespace kappa::server
