#include "storage/pending_batches.h"

#include <algorithm>
#include <utility>

#include "proto/wire/check.h"

namespace kappa::storage {

void PendingBatches::Add(ProducerEntry entry) {
  KAPPA_CHECK(entries_.empty() || entries_.back().index < entry.index,
              "entries are added in the order of the log");
  AddPlace(entry);
  entries_.push_back(std::move(entry));
}

void PendingBatches::AddBefore(std::vector<ProducerEntry> entries) {
  if (entries.empty()) return;
  KAPPA_CHECK(entries_.empty() || entries.back().index < entries_.front().index,
              "entries are added in the order of the log");
  entries_.insert(entries_.begin(), std::make_move_iterator(entries.begin()),
                  std::make_move_iterator(entries.end()));
  Rebuild();
}

ProducerEntry PendingBatches::TakeFront() {
  ProducerEntry entry = std::move(entries_.front());
  entries_.pop_front();
  const auto it = places_.find(entry.key());
  Places& places = it->second;
  const auto drop = [&entry](std::deque<Found>* found) {
    if (!found->empty() && found->front().index == entry.index) {
      found->pop_front();
    }
  };
  drop(&places.batches);
  drop(&places.epochs);
  if (--places.entries == 0) places_.erase(it);
  return entry;
}

void PendingBatches::DropFrom(LogIndex from) {
  if (entries_.empty() || entries_.back().index < from) return;
  while (!entries_.empty() && entries_.back().index >= from) {
    entries_.pop_back();
  }
  Rebuild();
}

void PendingBatches::Rebuild() {
  places_.clear();
  for (const ProducerEntry& entry : entries_) AddPlace(entry);
}

void PendingBatches::AddPlace(const ProducerEntry& entry) {
  Places& places = places_[entry.key()];
  ++places.entries;
  const Found found{entry.index, entry.stamp.epoch, entry.stamp.sequence};
  if (entry.batch() && (places.batches.empty() ||
                        places.batches.back().sequence < found.sequence)) {
    places.batches.push_back(found);
  }
  if (places.epochs.empty() || places.epochs.back().epoch < found.epoch) {
    places.epochs.push_back(found);
  }
}

std::optional<PendingBatches::Found> PendingBatches::FirstAboveEpoch(
    const ProducerKey& key, uint64_t epoch) const {
  const auto it = places_.find(key);
  if (it == places_.end()) return std::nullopt;
  const std::deque<Found>& epochs = it->second.epochs;
  const auto found = std::partition_point(
      epochs.begin(), epochs.end(),
      [epoch](const Found& f) { return f.epoch <= epoch; });
  if (found == epochs.end()) return std::nullopt;
  return *found;
}

std::optional<PendingBatches::Found> PendingBatches::BatchOf(
    const ProducerKey& key, uint64_t sequence) const {
  const auto it = places_.find(key);
  if (it == places_.end()) return std::nullopt;
  const std::deque<Found>& batches = it->second.batches;
  const auto found = std::partition_point(
      batches.begin(), batches.end(),
      [sequence](const Found& f) { return f.sequence < sequence; });
  if (found == batches.end() || found->sequence != sequence) {
    return std::nullopt;
  }
  return *found;
}

std::optional<PendingBatches::Found> PendingBatches::FirstBatch(
    const ProducerKey& key) const {
  const auto it = places_.find(key);
  if (it == places_.end() || it->second.batches.empty()) return std::nullopt;
  return it->second.batches.front();
}

std::optional<PendingBatches::Found> PendingBatches::LastBatch(
    const ProducerKey& key) const {
  const auto it = places_.find(key);
  if (it == places_.end() || it->second.batches.empty()) return std::nullopt;
  return it->second.batches.back();
}

}  // namespace kappa::storage
