#include "tests/checker/version_order.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

namespace kappa::checker {

VersionOrder::VersionOrder(const History& history)
    : history_(history),
      values_(history.values.size()),
      batches_(history.batches.size()),
      partitions_(history.partitions.size()) {
  std::vector<SlotMap> slots(history.partitions.size());
  AddAcks(&slots);
  for (const FinalRead& final : history.finals) {
    PartitionFacts& facts = partitions_[static_cast<size_t>(final.partition)];
    facts.has_final = true;
    Sighting sighting;
    sighting.source = Sighting::Source::kFinal;
    sighting.partition = final.partition;
    for (const Delivery& delivery : final.deliveries) {
      AddDelivery(delivery, sighting,
                  &slots[static_cast<size_t>(final.partition)]);
    }
  }
  for (const Read& read : history.reads) {
    Sighting sighting;
    sighting.source = Sighting::Source::kRead;
    sighting.partition = read.partition;
    for (const Delivery& delivery : read.deliveries) {
      AddDelivery(delivery, sighting,
                  &slots[static_cast<size_t>(read.partition)]);
    }
  }
  for (size_t i = 0; i < slots.size(); ++i) {
    std::vector<Slot>& sorted = partitions_[i].slots;
    sorted.reserve(slots[i].size());
    for (const auto& [offset, slot] : slots[i]) sorted.push_back(slot);
    SlotMap().swap(slots[i]);
    std::sort(sorted.begin(), sorted.end(),
              [](const Slot& a, const Slot& b) { return a.offset < b.offset; });
  }
  for (size_t i = 0; i < batches_.size(); ++i) {
    SumUp(history.batches[i], &batches_[i]);
  }
}

void VersionOrder::AddAcks(std::vector<SlotMap>* slots) {
  for (const Append& append : history_.appends) {
    if (append.outcome != Outcome::kOk || !append.offset) continue;
    Sighting sighting;
    sighting.source = Sighting::Source::kAck;
    sighting.partition = append.partition;
    sighting.offset = *append.offset;
    sighting.line = append.return_line;
    sighting.time_us = append.return_us;
    for (const ValueId value : history_.batches[append.batch].values) {
      sighting.value = value;
      Add(sighting, &(*slots)[static_cast<size_t>(append.partition)]);
      ++sighting.offset;
    }
  }
}

void VersionOrder::AddDelivery(const Delivery& delivery, Sighting sighting,
                               SlotMap* slots) {
  PartitionFacts& facts = partitions_[static_cast<size_t>(sighting.partition)];
  sighting.line = delivery.line;
  sighting.time_us = delivery.time_us;
  for (const Stretch& stretch : delivery.stretches) {
    sighting.offset = stretch.offset;
    for (const ValueId value : stretch.values) {
      sighting.value = value;
      Add(sighting, slots);
      ++sighting.offset;
    }
    facts.read_end = std::max(facts.read_end, sighting.offset);
    if (sighting.source == Sighting::Source::kFinal) {
      facts.final_end = std::max(facts.final_end, sighting.offset);
    }
  }
}

void VersionOrder::Add(const Sighting& sighting, SlotMap* slots) {
  const auto [slot, is_new] = slots->try_emplace(
      sighting.offset, Slot{sighting.offset, sighting.value, sighting.line});
  const bool replaced = !is_new && slot->second.value != sighting.value;
  const ValueOrigin& origin = history_.OriginOf(sighting.value);
  const bool sent = origin.sent() && history_.batches[origin.batch].partition ==
                                         sighting.partition;
  if (sent) AddToValue(sighting);
  const bool moved = sent && Facts(sighting.value).offset != sighting.offset;
  if (sent && !replaced && !moved) return;
  if (!conflicts_.emplace(sighting.partition, sighting.value, sighting.offset)
           .second) {
    return;
  }
  if (replaced) replaced_.push_back(sighting);
  if (moved) moved_.push_back(sighting);
  if (!sent) unsent_.push_back(sighting);
}

void VersionOrder::AddToValue(const Sighting& sighting) {
  ValueFacts& facts = values_[static_cast<size_t>(sighting.value)];
  if (facts.offset == kNowhere) {
    facts.offset = sighting.offset;
    facts.line = sighting.line;
  }
  if (sighting.source == Sighting::Source::kFinal && facts.final_line == 0) {
    facts.final_line = sighting.line;
  }
  if (sighting.source == Sighting::Source::kRead &&
      sighting.time_us < facts.read_us) {
    facts.read_us = sighting.time_us;
    facts.read_line = sighting.line;
  }
}

void VersionOrder::SumUp(const Batch& batch, BatchFacts* facts) const {
  facts->failed = true;
  int64_t first_us = kNever;
  for (const size_t attempt : batch.attempts) {
    const Append& append = history_.appends[attempt];
    first_us = std::min(first_us, append.invoke_us);
    if (append.outcome == Outcome::kFailed) continue;
    facts->failed = false;
    facts->invoke_us = std::min(facts->invoke_us, append.invoke_us);
    if (append.outcome != Outcome::kOk) continue;
    if (facts->ack == kNowhere) facts->ack = attempt;
    facts->return_us = std::min(facts->return_us, append.return_us);
  }
  if (facts->failed) facts->invoke_us = first_us;
  for (size_t i = 0; i < batch.values.size(); ++i) {
    const ValueFacts& value = Facts(batch.values[i]);
    if (value.offset == kNowhere || value.offset < i) continue;
    facts->base = value.offset - i;
    facts->line = value.line;
    break;
  }
}

const Slot* VersionOrder::Find(PartitionId partition, uint64_t offset) const {
  const std::vector<Slot>& slots = Facts(partition).slots;
  const auto found = std::lower_bound(
      slots.begin(), slots.end(), offset,
      [](const Slot& slot, uint64_t o) { return slot.offset < o; });
  return found != slots.end() && found->offset == offset ? &*found : nullptr;
}

}  // namespace kappa::checker
