#include "tests/storage/naive_producers.h"

#include <algorithm>

namespace kappa::storage {

void NaiveProducers::Truncate(LogIndex from) {
  while (!log_.empty() && log_.back().index >= from) log_.pop_back();
}

void NaiveProducers::Commit(LogIndex index) {
  committed_ = index;
  highest_committed_ = std::max(highest_committed_, index);
}

uint64_t NaiveProducers::LastSequence(const ProducerStamp& stamp) const {
  const ProducerKey key{stamp.id, stamp.epoch > 0};
  uint64_t last = 0;
  for (const ProducerEntry& entry : log_) {
    if (entry.key() == key && entry.batch()) last = entry.stamp.sequence;
  }
  return last;
}

std::optional<Offset> NaiveProducers::FirstOffset(
    const ProducerStamp& stamp) const {
  const ProducerKey key{stamp.id, stamp.epoch > 0};
  for (const ProducerEntry& entry : log_) {
    if (entry.key() == key && entry.batch()) {
      return entry.next_offset - 1;
    }
  }
  return std::nullopt;
}

NaiveProducers::Fold NaiveProducers::FoldCommitted() const {
  Fold fold;
  for (const ProducerEntry& entry : log_) {
    if (entry.index > committed_) break;
    if (!entry.batch()) continue;
    const auto [it, added] = fold.known.try_emplace(entry.key());
    Known& known = it->second;
    if (added && !entry.key().named && fold.evicted_offset > Offset(0)) {
      known.unknown_below = entry.stamp.sequence;
    }
    known.batches.push_back(entry);
    known.last_use = entry.index;
    size_t sessions = 0;
    auto oldest = fold.known.end();
    for (auto one = fold.known.begin(); one != fold.known.end(); ++one) {
      if (one->first.named) continue;
      ++sessions;
      if (oldest == fold.known.end() ||
          one->second.last_use < oldest->second.last_use) {
        oldest = one;
      }
    }
    if (sessions <= sessions_max_) continue;
    fold.evicted_offset = std::max(fold.evicted_offset,
                                   oldest->second.batches.back().next_offset);
    fold.known.erase(oldest);
  }
  return fold;
}

ProducerVerdict NaiveProducers::Check(const ProducerStamp& stamp,
                                      uint64_t previous_sequence,
                                      Offset session_start) const {
  const ProducerKey key{stamp.id, stamp.epoch > 0};
  ProducerVerdict verdict;
  uint64_t committed_epoch = 0;
  for (const ProducerEntry& entry : log_) {
    if (entry.stamp.id != stamp.id || !key.named) continue;
    const bool committed = entry.index <= committed_;
    if (committed)
      committed_epoch = std::max(committed_epoch, entry.stamp.epoch);
    if (entry.stamp.epoch > stamp.epoch) {
      verdict.decision = ProducerDecision::kFenced;
      if (!committed && committed_epoch <= stamp.epoch) {
        verdict.epoch = entry.stamp.epoch;
        verdict.rests_on = entry.index;
        return verdict;
      }
    }
  }
  if (verdict.decision == ProducerDecision::kFenced) {
    verdict.epoch = committed_epoch;
    return verdict;
  }

  const Fold fold = FoldCommitted();
  Known known;
  const auto it = fold.known.find(key);
  if (it != fold.known.end()) known = it->second;
  const size_t committed_batches = known.batches.size();
  for (const ProducerEntry& entry : log_) {
    if (entry.index > committed_ && entry.key() == key && entry.batch()) {
      known.batches.push_back(entry);
    }
  }
  if (!key.named && known.batches.empty() &&
      session_start < fold.evicted_offset) {
    verdict.decision = ProducerDecision::kUnknown;
    return verdict;
  }
  if (!key.named && committed_batches == 0 && !known.batches.empty() &&
      fold.evicted_offset > Offset(0)) {
    known.unknown_below = known.batches.front().stamp.sequence;
  }
  const uint64_t last =
      known.batches.empty() ? 0 : known.batches.back().stamp.sequence;
  verdict.last_sequence = last;
  if (stamp.sequence > last) {
    verdict.decision = previous_sequence == last
                           ? ProducerDecision::kAccept
                           : ProducerDecision::kSequenceGap;
    return verdict;
  }
  verdict.decision = ProducerDecision::kSequenceGap;
  uint64_t forgotten_through = 0;
  bool skipped_later = false;  // between the sequence and the last forgotten
  bool stored = false;
  for (size_t i = 0; i < known.batches.size(); ++i) {
    const ProducerEntry& batch = known.batches[i];
    const uint64_t sequence = batch.stamp.sequence;
    if (i + kProducerResultsMax < committed_batches) {
      if (sequence != forgotten_through + 1 && stamp.sequence < sequence) {
        skipped_later = true;
      }
      if (sequence == stamp.sequence) stored = true;
      forgotten_through = sequence;
    } else if (sequence == stamp.sequence) {
      verdict.decision = ProducerDecision::kDuplicate;
      verdict.index = batch.index;
      if (batch.index > committed_) verdict.rests_on = batch.index;
      return verdict;
    }
  }
  if (skipped_later || stamp.sequence < known.unknown_below) {
    verdict.decision = ProducerDecision::kUnknown;
  } else if (stored) {
    verdict.decision = ProducerDecision::kSequenceStored;
  }
  return verdict;
}

}  // namespace kappa::storage
