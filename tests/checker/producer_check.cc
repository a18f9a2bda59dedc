#include "tests/checker/producer_check.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "tests/checker/anomaly.h"
#include "tests/checker/description.h"

namespace kappa::checker {

void ProducerCheck::Run() {
  CheckOpenings();
  CheckMoved();
  CollectStored();
  for (const auto& [key, stored] : stored_) {
    CheckSequences(stored);
    CheckOrder(stored);
    CheckFences(key, stored);
  }
}

const Append& ProducerCheck::FirstAttempt(size_t batch) const {
  return history_.appends[history_.batches[batch].attempts.front()];
}

void ProducerCheck::CheckOpenings() {
  std::vector<const Opening*> opened;
  for (const Opening& opening : history_.openings) {
    if (opening.outcome == Outcome::kOk) opened.push_back(&opening);
  }
  std::sort(opened.begin(), opened.end(),
            [](const Opening* a, const Opening* b) {
              return a->return_us < b->return_us;
            });
  absl::flat_hash_map<ProducerId, Given> given;
  for (const Opening* opening : opened) {
    const Opening* other = given[opening->producer].Add(opening);
    if (other != nullptr) AddReused(*other, *opening);
    for (const PartitionId partition : opening->partitions) {
      std::vector<Fence>& fences = fences_[{opening->producer, partition}];
      if (!fences.empty() && fences.back().epoch >= *opening->epoch) continue;
      fences.push_back(
          {opening->return_us, *opening->epoch, opening->return_line});
    }
  }
}

const Opening* ProducerCheck::Given::Add(const Opening* opening) {
  // The highest epoch of those that returned before this one began.
  const auto later = std::lower_bound(
      by_return_.begin(), by_return_.end(), opening->invoke_us,
      [](const Highest& h, int64_t us) { return h.return_us < us; });
  const Opening* other = nullptr;
  if (later != by_return_.begin()) {
    const Opening* highest = (later - 1)->opening;
    if (*highest->epoch >= *opening->epoch) other = highest;
  }
  const auto [same, is_new] = by_epoch_.try_emplace(*opening->epoch, opening);
  if (!is_new) other = same->second;
  const bool higher =
      by_return_.empty() || *by_return_.back().opening->epoch < *opening->epoch;
  by_return_.push_back(
      {opening->return_us, higher ? opening : by_return_.back().opening});
  return other;
}

void ProducerCheck::AddReused(const Opening& first, const Opening& second) {
  findings_.Add(AnomalyKind::kEpochReused, [&] {
    return Anomaly{
        {},
        "",
        absl::StrCat("producer ", history_.producers[second.producer],
                     " got epoch ", *second.epoch, " after epoch ",
                     *first.epoch, ": ", Describe(history_, first), " and ",
                     Describe(history_, second)),
        {first.return_line, second.return_line},
        {},
        {}};
  });
}

void ProducerCheck::CheckMoved() {
  for (const Sighting& sighting : order_.moved()) {
    const ValueOrigin& origin = history_.OriginOf(sighting.value);
    const Batch& batch = history_.batches[origin.batch];
    if (!batch.producer) continue;
    findings_.Add(AnomalyKind::kSequenceTwice, [&] {
      const ValueFacts& facts = order_.Facts(sighting.value);
      return Anomaly{
          {},
          history_.partitions[batch.partition],
          absl::StrCat("sequence ", batch.sequence, " of producer ",
                       history_.producers[*batch.producer], ", value ",
                       DescribeValue(history_, sighting.value),
                       ", is at offset ", facts.offset, " by line ", facts.line,
                       " and at offset ", sighting.offset, " by line ",
                       sighting.line),
          {facts.line, sighting.line},
          {facts.offset, sighting.offset},
          {history_.values[sighting.value]}};
    });
  }
}

void ProducerCheck::CollectStored() {
  for (size_t i = 0; i < history_.batches.size(); ++i) {
    const Batch& batch = history_.batches[i];
    const BatchFacts& facts = order_.Facts(i);
    if (!batch.producer || !facts.stored() || facts.failed) continue;
    Stored stored{i, std::numeric_limits<uint64_t>::max(), 0};
    for (const size_t attempt : batch.attempts) {
      const Append& append = history_.appends[attempt];
      if (append.outcome == Outcome::kFailed) continue;
      stored.epoch_min = std::min(stored.epoch_min, append.epoch);
      stored.epoch_max = std::max(stored.epoch_max, append.epoch);
    }
    stored_[{*batch.producer, batch.partition}].push_back(stored);
  }
}

void ProducerCheck::CheckSequences(std::vector<Stored> stored) {
  const auto sequence = [&](const Stored& s) {
    return history_.batches[s.batch].sequence;
  };
  std::stable_sort(stored.begin(), stored.end(),
                   [&](const Stored& a, const Stored& b) {
                     return sequence(a) < sequence(b);
                   });
  for (size_t i = 1; i < stored.size(); ++i) {
    if (sequence(stored[i]) != sequence(stored[i - 1])) continue;
    findings_.Add(AnomalyKind::kSequenceTwice, [&] {
      const Batch& batch = history_.batches[stored[i].batch];
      const Append& first = FirstAttempt(stored[i - 1].batch);
      const Append& second = FirstAttempt(stored[i].batch);
      return Anomaly{
          {},
          history_.partitions[batch.partition],
          absl::StrCat(
              "sequence ", batch.sequence, " of producer ",
              history_.producers[*batch.producer],
              " was stored with two contents: ", Describe(history_, first),
              " and ", Describe(history_, second)),
          {first.invoke_line, second.invoke_line},
          {},
          {history_.values[history_.batches[stored[i - 1].batch].values[0]],
           history_.values[batch.values[0]]}};
    });
  }
}

void ProducerCheck::CheckOrder(std::vector<Stored> stored) {
  const auto base = [&](const Stored& s) { return order_.Facts(s.batch).base; };
  std::erase_if(stored, [&](const Stored& s) { return base(s) == kNowhere; });
  std::sort(
      stored.begin(), stored.end(),
      [&](const Stored& a, const Stored& b) { return base(a) < base(b); });
  size_t highest = 0;  // of the epochs at lower offsets
  for (size_t i = 1; i < stored.size(); ++i) {
    const Stored& before = stored[i - 1];
    const Batch& batch = history_.batches[stored[i].batch];
    if (batch.sequence < history_.batches[before.batch].sequence) {
      findings_.Add(AnomalyKind::kOrder, [&] {
        const size_t first = order_.Facts(before.batch).line;
        const size_t second = order_.Facts(stored[i].batch).line;
        return Anomaly{
            {},
            history_.partitions[batch.partition],
            absl::StrCat("producer ", history_.producers[*batch.producer],
                         " has sequence ",
                         history_.batches[before.batch].sequence, " at offset ",
                         base(before), " by line ", first, " and ",
                         batch.sequence, " at offset ", base(stored[i]),
                         " by line ", second),
            {first, second},
            {base(before), base(stored[i])},
            {history_.values[batch.values[0]]}};
      });
    }
    if (before.epoch_min > stored[highest].epoch_min) highest = i - 1;
    if (stored[i].epoch_max < stored[highest].epoch_min) {
      AddFenced(FirstAttempt(stored[i].batch), stored[highest].epoch_min,
                order_.Facts(stored[highest].batch).line);
    }
  }
}

const ProducerCheck::Fence* ProducerCheck::FenceBefore(
    const Key& key, const Append& append) const {
  const auto found = fences_.find(key);
  if (found == fences_.end()) return nullptr;
  const std::vector<Fence>& fences = found->second;
  const auto after = std::lower_bound(
      fences.begin(), fences.end(), append.invoke_us,
      [](const Fence& fence, int64_t us) { return fence.time_us < us; });
  if (after == fences.begin()) return nullptr;
  const Fence& fence = *(after - 1);
  return append.epoch < fence.epoch ? &fence : nullptr;
}

void ProducerCheck::CheckFences(const Key& key,
                                const std::vector<Stored>& stored) {
  for (const Stored& s : stored) {
    const Append* fenced = nullptr;
    const Fence* fence = nullptr;
    bool any_free = false;
    for (const size_t attempt : history_.batches[s.batch].attempts) {
      const Append& append = history_.appends[attempt];
      if (append.outcome == Outcome::kFailed) continue;
      const Fence* before = FenceBefore(key, append);
      any_free |= before == nullptr;
      if (before == nullptr) continue;
      // The epoch is looked at first, so not even a repetition is accepted.
      if (fenced == nullptr || append.outcome == Outcome::kOk) {
        fenced = &append;
        fence = before;
      }
    }
    if (fenced == nullptr) continue;
    if (any_free && fenced->outcome != Outcome::kOk) continue;
    AddFenced(*fenced, fence->epoch, fence->line);
  }
}

void ProducerCheck::AddFenced(const Append& append, uint64_t epoch,
                              size_t line) {
  findings_.Add(AnomalyKind::kFencedEpoch, [&] {
    const Batch& batch = history_.batches[append.batch];
    return Anomaly{{},
                   history_.partitions[append.partition],
                   absl::StrCat("epoch ", append.epoch, " of producer ",
                                history_.producers[*batch.producer],
                                " was accepted, value ",
                                DescribeValue(history_, batch.values[0]),
                                ", when line ", line, " had shown epoch ",
                                epoch, "; ", Describe(history_, append)),
                   {line, append.invoke_line},
                   {},
                   {history_.values[batch.values[0]]}};
  });
}

}  // namespace kappa::checker
