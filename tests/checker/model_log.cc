#include "tests/checker/model_log.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace kappa::checker {
namespace {

uint64_t EndOf(const EventBatch& batch) {
  return batch.offset + batch.values.size();
}

}  // namespace

Event ModelLog::Refuse(const char* reason) const {
  Event answer;
  answer.type = EventType::kFail;
  answer.reason = reason;
  return answer;
}

Event ModelLog::Acknowledge(size_t batch) const {
  Event answer;
  answer.type = EventType::kOk;
  answer.offset = batches_[batch].offset;
  answer.append_time_us = batches_[batch].append_time_us;
  answer.chain = batches_[batch].chain;
  return answer;
}

void ModelLog::Fence(const std::string& producer, uint64_t epoch) {
  uint64_t& highest = producers_[producer].epoch;
  highest = std::max(highest, epoch);
}

Event ModelLog::Append(const Event& invoke, int64_t now_us) {
  if (invoke.producer) {
    Producer& producer = producers_[*invoke.producer];
    if (*invoke.epoch < producer.epoch) return Refuse("PRODUCER_FENCED");
    const auto stored = producer.stored.find(*invoke.sequence);
    if (stored != producer.stored.end()) return Acknowledge(stored->second);
    const uint64_t last =
        producer.stored.empty() ? 0 : producer.stored.rbegin()->first;
    if (*invoke.sequence != last + 1) return Refuse("SEQUENCE_GAP");
  }
  if (invoke.expected && *invoke.expected != end_) {
    Event answer = Refuse("EXPECTED_OFFSET_MISMATCH");
    answer.end = end_;
    return answer;
  }
  if (invoke.producer) {
    Fence(*invoke.producer, *invoke.epoch);
    producers_[*invoke.producer].stored[*invoke.sequence] = batches_.size();
  }
  const int64_t last_us =
      batches_.empty() ? 0 : *batches_.back().append_time_us;
  const std::string chain = absl::StrCat(absl::Hex(
      std::hash<std::string>()(absl::StrCat(
          ChainAt(end_), end_, invoke.values.front(), invoke.values.size())),
      absl::kZeroPad16));
  batches_.push_back({end_, invoke.values, invoke.digests,
                      std::max(last_us, now_us / 100), chain});
  end_ += invoke.values.size();
  return Acknowledge(batches_.size() - 1);
}

std::vector<EventBatch> ModelLog::Deliver(uint64_t from, uint64_t to,
                                          bool with_chains) const {
  std::vector<EventBatch> pieces;
  if (from >= to) return pieces;
  auto batch = std::upper_bound(
      batches_.begin(), batches_.end(), from,
      [](uint64_t offset, const EventBatch& b) { return offset < EndOf(b); });
  for (; batch != batches_.end() && batch->offset < to; ++batch) {
    const uint64_t first = std::max(from, batch->offset) - batch->offset;
    const uint64_t next = std::min(to, EndOf(*batch)) - batch->offset;
    EventBatch piece;
    piece.offset = batch->offset + first;
    piece.append_time_us = batch->append_time_us;
    piece.values.assign(batch->values.begin() + first,
                        batch->values.begin() + next);
    if (!batch->digests.empty()) {
      piece.digests.assign(batch->digests.begin() + first,
                           batch->digests.begin() + next);
    }
    if (with_chains && next == batch->values.size()) piece.chain = batch->chain;
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

uint64_t ModelLog::BatchEndBefore(uint64_t offset) const {
  auto batch = std::upper_bound(
      batches_.begin(), batches_.end(), offset,
      [](uint64_t o, const EventBatch& b) { return o < EndOf(b); });
  return batch == batches_.begin() ? 0 : EndOf(*(batch - 1));
}

std::string ModelLog::ChainAt(uint64_t end) const {
  const auto batch = std::lower_bound(
      batches_.begin(), batches_.end(), end,
      [](const EventBatch& b, uint64_t offset) { return EndOf(b) < offset; });
  if (batch == batches_.end() || EndOf(*batch) != end) return "";
  return *batch->chain;
}

}  // namespace kappa::checker
