#include "tests/checker/plants.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kappa::checker {
namespace {

using Acked = PlantedHistory::Acked;

bool IsCondition(const Event& event) {
  return event.type == EventType::kInvoke &&
         event.kind == OperationKind::kConditionalAppend;
}

uint64_t EndOf(const EventBatch& batch) {
  return batch.offset + batch.values.size();
}

// An answer that stored something at an offset.
Event Ok(uint64_t offset) {
  Event answer;
  answer.type = EventType::kOk;
  answer.offset = offset;
  return answer;
}

Event AppendOf(std::string partition, std::vector<std::string> values) {
  Event invoke;
  invoke.partition = std::move(partition);
  invoke.values = std::move(values);
  return invoke;
}

// --- Contents ---

// Replaces the values of an acknowledged batch in everything that delivers it
// by those of an append of unknown outcome.
bool ReplaceEverywhere(PlantedHistory* h) {
  const auto acked = h->Pick(h->AckedAppends());
  if (!acked) return false;
  const Event invoke = h->at(acked->invoke);
  Event other = AppendOf(invoke.partition, {});
  for (size_t i = 0; i < invoke.values.size(); ++i) {
    other.values.push_back(h->NewValue());
  }
  h->ForEachDelivery(invoke.partition, [&](Event* event) {
    for (EventBatch& batch : event->batches) {
      batch.digests.clear();
      for (std::string& value : batch.values) {
        const auto at =
            std::find(invoke.values.begin(), invoke.values.end(), value);
        if (at == invoke.values.end()) continue;
        value = other.values[at - invoke.values.begin()];
      }
    }
  });
  h->AddOperation(other, nullptr, invoke.time_us);
  return true;
}

// Changes one value in one ordinary read to that of an append of unknown
// outcome.
bool InconsistentOffset(PlantedHistory* h) {
  const auto read = h->Pick(h->Deliveries(1));
  if (!read) return false;
  Event& event = h->at(*read);
  EventBatch& batch = event.batches[h->random().Below(event.batches.size())];
  batch.digests.clear();
  const std::string value = h->NewValue();
  batch.values[h->random().Below(batch.values.size())] = value;
  h->AddOperation(AppendOf(h->PartitionOf(event), {value}), nullptr, 1);
  return true;
}

bool Duplicate(PlantedHistory* h) {
  const auto acked = h->Pick(h->AckedAppends());
  if (!acked) return false;
  const Event& invoke = h->at(acked->invoke);
  h->AddToFinals(invoke.partition, {invoke.values.front()});
  return true;
}

bool NeverSeen(PlantedHistory* h) {
  const auto acked = h->Pick(h->AckedAppends());
  if (!acked) return false;
  h->Cut(h->at(acked->invoke).partition, acked->offset);
  return true;
}

// Adds a value to the end of an ordinary read's delivery.
bool AddToRead(PlantedHistory* h, size_t read, const std::string& value) {
  Event& event = h->at(read);
  event.batches.push_back({EndOf(event.batches.back()), {value}, {}, {}, {}});
  return true;
}

bool AbortedRead(PlantedHistory* h) {
  const auto read = h->Pick(h->Deliveries(1));
  if (!read) return false;
  const std::string value = h->NewValue();
  AddToRead(h, *read, value);
  Event failed;
  failed.type = EventType::kFail;
  h->AddOperation(AppendOf(h->PartitionOf(h->at(*read)), {value}), &failed, 1);
  return true;
}

bool FalseFailure(PlantedHistory* h) {
  const auto acked = h->Pick(h->AckedAppends());
  if (!acked) return false;
  Event failed;
  failed.type = EventType::kFail;
  failed.op = h->at(acked->answer).op;
  failed.time_us = h->at(acked->answer).time_us;
  h->at(acked->answer) = failed;
  return true;
}

bool VanishedRead(PlantedHistory* h) {
  const auto read = h->Pick(h->Deliveries(1));
  if (!read) return false;
  const std::string value = h->NewValue();
  AddToRead(h, *read, value);
  h->AddOperation(AppendOf(h->PartitionOf(h->at(*read)), {value}), nullptr, 1);
  return true;
}

bool NeverAppended(PlantedHistory* h) {
  const auto read = h->Pick(h->Deliveries(1));
  if (!read) return false;
  EventBatch& batch = h->at(*read).batches.front();
  batch.digests.clear();
  batch.values.front() = h->NewValue();
  return true;
}

bool AlteredBytes(PlantedHistory* h) {
  const auto read = h->Pick(h->Find([](const Event& event) {
    return !event.batches.empty() && !event.batches.front().digests.empty();
  }));
  if (!read) return false;
  h->at(*read).batches.front().digests.front() = "other";
  return true;
}

bool AppendTime(PlantedHistory* h) {
  const auto read = h->Pick(h->Find([](const Event& event) {
    return event.batches.size() >= 2 &&
           event.batches[0].append_time_us.value_or(0) > 0;
  }));
  if (!read) return false;
  std::vector<EventBatch>& batches = h->at(*read).batches;
  batches[1].append_time_us = *batches[0].append_time_us - 1;
  return true;
}

// --- Reads ---

bool Skip(PlantedHistory* h) {
  const auto read = h->Pick(h->Deliveries(3));
  if (!read) return false;
  std::vector<EventBatch>& batches = h->at(*read).batches;
  batches.erase(batches.begin() + 1 + h->random().Below(batches.size() - 2));
  return true;
}

// Half of them within a delivery, half at the beginning of a read from an
// offset.
bool StepBack(PlantedHistory* h) {
  if (h->random().Percent(50)) {
    const auto read = h->Pick(h->Deliveries(2));
    if (!read) return false;
    std::vector<EventBatch>& batches = h->at(*read).batches;
    const EventBatch again = batches[h->random().Below(batches.size() - 1)];
    batches.push_back(again);
    return true;
  }
  const auto read = h->Pick(h->Find([&](const Event& event) {
    return event.type == EventType::kOk && !event.batches.empty() &&
           h->InvokeOf(event).kind == OperationKind::kRead &&
           h->InvokeOf(event).from.has_value();
  }));
  if (!read) return false;
  uint64_t& from = *h->InvokeOf(h->at(*read)).from;
  from = h->at(*read).batches.front().offset + 1;
  return true;
}

bool Gap(PlantedHistory* h) {
  const auto final = h->Pick(h->Find([](const Event& event) {
    return event.type == EventType::kFinal && event.batches.size() >= 3;
  }));
  if (!final) return false;
  std::vector<EventBatch>& batches = h->at(*final).batches;
  batches.erase(batches.begin() + 1 + h->random().Below(batches.size() - 2));
  return true;
}

// --- Time ---

// Moves a batch to before one that has a lower offset.
bool Order(PlantedHistory* h) {
  const auto late = h->Pick(h->AckedAppends());
  if (!late) return false;
  const auto early = h->Pick(h->AckedAppends([&](const Acked& acked) {
    return acked.offset < late->offset &&
           h->at(acked.invoke).partition == h->at(late->invoke).partition;
  }));
  if (!early) return false;
  const int64_t begin_us = h->at(early->invoke).time_us;
  h->at(late->invoke).time_us = begin_us - 2;
  h->at(late->answer).time_us = begin_us - 1;
  return true;
}

bool StaleEnd(PlantedHistory* h) {
  const auto query = h->Pick(h->Find([&](const Event& event) {
    return event.type == EventType::kOk && event.end &&
           !h->InvokeOf(event).committed &&
           h->InvokeOf(event).kind == OperationKind::kEndOffset;
  }));
  if (!query) return false;
  Event& answer = h->at(*query);
  const Event& invoke = h->InvokeOf(answer);
  const auto passed = h->Pick(h->AckedAppends([&](const Acked& acked) {
    return h->at(acked.answer).time_us < invoke.time_us &&
           h->at(acked.invoke).partition == invoke.partition;
  }));
  if (!passed) return false;
  answer.end = passed->offset;
  answer.chain.reset();
  return true;
}

bool EndAhead(PlantedHistory* h) {
  const auto query = h->Pick(h->Find([&](const Event& event) {
    return event.type == EventType::kOk && event.end.has_value();
  }));
  if (!query) return false;
  Event& answer = h->at(*query);
  const std::string& partition = h->PartitionOf(answer);
  const auto later = h->Pick(h->AckedAppends([&](const Acked& acked) {
    return h->at(acked.invoke).time_us > answer.time_us &&
           h->at(acked.invoke).partition == partition;
  }));
  answer.end = later && h->random().Percent(70)
                   ? later->offset + 1
                   : h->FinalEnd(partition) + 1 + h->random().Below(10);
  answer.chain.reset();
  return true;
}

bool NoProgress(PlantedHistory* h) {
  const std::vector<size_t> heals = h->Find(
      [](const Event& event) { return event.type == EventType::kHeal; });
  if (heals.empty()) return false;
  Event& heal = h->at(heals.front());
  const std::string partition = h->random().Percent(50) ? "t/0" : "t/1";
  std::optional<int64_t> tried_us;
  for (size_t i = 0; i < h->events().size(); ++i) {
    Event& event = h->at(i);
    if (event.type == EventType::kFinal) break;
    // What was acknowledged in the moment of the heal counts as progress, on
    // whichever line it is.
    if (event.time_us < heal.time_us) continue;
    if (event.type == EventType::kInvoke) {
      if (!tried_us && !event.values.empty() && event.partition == partition) {
        tried_us = event.time_us;
      }
      continue;
    }
    if (event.type != EventType::kOk || !event.batches.empty()) continue;
    const Event& invoke = h->InvokeOf(event);
    if (invoke.values.empty() || invoke.partition != partition) continue;
    Event unknown;
    unknown.type = EventType::kUnknown;
    unknown.op = event.op;
    unknown.time_us = event.time_us;
    event = unknown;
  }
  if (!tried_us || *tried_us >= h->last_us()) return false;
  heal.within_us = std::min(*heal.within_us, h->last_us() - *tried_us);
  return true;
}

// --- Conditions, producers ---

bool ConditionWrongOffset(PlantedHistory* h) {
  const auto acked = h->Pick(h->AckedAppends(
      [&](const Acked& a) { return IsCondition(h->at(a.invoke)); }));
  if (!acked) return false;
  const uint64_t move = 1 + h->random().Below(3);
  const bool down = acked->offset >= move && h->random().Percent(50);
  h->at(acked->invoke).expected =
      down ? acked->offset - move : acked->offset + move;
  return true;
}

bool ConditionTwice(PlantedHistory* h) {
  const auto acked = h->Pick(h->AckedAppends(
      [&](const Acked& a) { return IsCondition(h->at(a.invoke)); }));
  if (!acked) return false;
  const Event first = h->at(acked->invoke);
  const auto other = h->Pick(h->AckedAppends([&](const Acked& a) {
    return a.invoke != acked->invoke &&
           h->at(a.invoke).partition == first.partition;
  }));
  if (!other) return false;
  h->at(other->invoke).kind = OperationKind::kConditionalAppend;
  h->at(other->invoke).expected = first.expected;
  return true;
}

bool FalseRefusal(PlantedHistory* h) {
  const auto refusal = h->Pick(h->Find([](const Event& event) {
    return event.type == EventType::kFail && event.end &&
           event.reason == "EXPECTED_OFFSET_MISMATCH";
  }));
  if (!refusal) return false;
  const Event& answer = h->at(*refusal);
  h->InvokeOf(answer).expected = answer.end;
  return true;
}

// Half of them the same batch again, half another one with its sequence.
bool SequenceTwice(PlantedHistory* h) {
  const auto acked = h->Pick(h->AckedAppends(
      [&](const Acked& a) { return h->at(a.invoke).producer.has_value(); }));
  if (!acked) return false;
  Event invoke = h->at(acked->invoke);
  if (h->random().Percent(50)) {
    invoke.values = {h->NewValue()};
    invoke.digests.clear();
  }
  const Event answer = Ok(h->AddToFinals(invoke.partition, invoke.values));
  h->AddOperation(invoke, &answer, h->last_us());
  return true;
}

bool FencedEpoch(PlantedHistory* h) {
  const auto opened = h->Pick(h->Find([&](const Event& event) {
    return event.type == EventType::kOk && event.epoch.value_or(0) > 1 &&
           !h->InvokeOf(event).partitions.empty();
  }));
  if (!opened) return false;
  const Event answer = h->at(*opened);
  const Event opening = h->InvokeOf(answer);
  Event invoke = AppendOf(opening.partitions.front(), {h->NewValue()});
  invoke.producer = opening.producer;
  invoke.epoch = *answer.epoch - 1;
  invoke.sequence = 1'000'000;
  const Event stored = Ok(h->AddToFinals(invoke.partition, invoke.values));
  h->AddOperation(invoke, &stored, h->last_us());
  return true;
}

bool EpochReused(PlantedHistory* h) {
  const auto opened = h->Pick(h->Find([](const Event& event) {
    return event.type == EventType::kOk && event.epoch.has_value();
  }));
  if (!opened) return false;
  const Event answer = h->at(*opened);
  h->AddOperation(h->InvokeOf(answer), &answer, h->last_us());
  return true;
}

// --- Batches, nodes ---

// Of three kinds: records in another order, the end of a batch missing in the
// final reads, an end inside a batch.
bool TornBatch(PlantedHistory* h) {
  const auto acked = h->Pick(h->AckedAppends(
      [&](const Acked& a) { return h->at(a.invoke).values.size() > 1; }));
  if (!acked) return false;
  Event& invoke = h->at(acked->invoke);
  const uint64_t draw = h->random().Below(3);
  if (draw == 0) {
    // Sent in another order than stored.
    std::swap(invoke.values.front(), invoke.values.back());
    invoke.digests.clear();
    h->at(acked->answer).offset.reset();
    h->at(acked->answer).append_time_us.reset();
    h->at(acked->answer).chain.reset();
    return true;
  }
  if (draw == 1) {
    const std::string last = invoke.values.back();
    h->ForEachDelivery(invoke.partition, [&](Event* event) {
      if (event->type != EventType::kFinal) return;
      for (EventBatch& batch : event->batches) {
        if (batch.values.back() != last || batch.values.size() == 1) continue;
        batch.values.pop_back();
        batch.chain.reset();
        if (!batch.digests.empty()) batch.digests.pop_back();
      }
    });
    // A cut may have put the last record alone.
    h->ForEachDelivery(invoke.partition, [&](Event* event) {
      if (event->type != EventType::kFinal) return;
      std::erase_if(event->batches, [&](const EventBatch& batch) {
        return batch.values.front() == last;
      });
    });
    return true;
  }
  Event query;
  query.kind = OperationKind::kEndOffset;
  query.partition = invoke.partition;
  query.committed = true;
  Event answer;
  answer.type = EventType::kOk;
  answer.end = acked->offset + 1;
  h->AddOperation(query, &answer, h->last_us());
  return true;
}

// Of three kinds: another digest, a shorter log, another value.
bool Divergence(PlantedHistory* h) {
  const auto final = h->Pick(h->Find([](const Event& event) {
    return event.type == EventType::kFinal && !event.batches.empty() &&
           event.end.has_value();
  }));
  if (!final) return false;
  Event& event = h->at(*final);
  const uint64_t draw = h->random().Below(3);
  if (draw == 0) {
    event.chain = "other";
  } else if (draw == 1) {
    event.end = event.batches.back().offset;
    event.batches.pop_back();
    event.chain.reset();
  } else {
    const std::string value = h->NewValue();
    event.batches.back().values.back() = value;
    event.batches.back().digests.clear();
    h->AddOperation(AppendOf(event.partition, {value}), nullptr, 1);
  }
  return true;
}

}  // namespace

bool Plant(AnomalyKind kind, PlantedHistory* history) {
  switch (kind) {
    case AnomalyKind::kInconsistentOffset:
      return InconsistentOffset(history);
    case AnomalyKind::kDuplicate:
      return Duplicate(history);
    case AnomalyKind::kLostWrite:
      return ReplaceEverywhere(history);
    case AnomalyKind::kNeverSeen:
      return NeverSeen(history);
    case AnomalyKind::kAbortedRead:
      return AbortedRead(history);
    case AnomalyKind::kFalseFailure:
      return FalseFailure(history);
    case AnomalyKind::kVanishedRead:
      return VanishedRead(history);
    case AnomalyKind::kNeverAppended:
      return NeverAppended(history);
    case AnomalyKind::kAlteredBytes:
      return AlteredBytes(history);
    case AnomalyKind::kSkip:
      return Skip(history);
    case AnomalyKind::kStepBack:
      return StepBack(history);
    case AnomalyKind::kGap:
      return Gap(history);
    case AnomalyKind::kOrder:
      return Order(history);
    case AnomalyKind::kStaleEnd:
      return StaleEnd(history);
    case AnomalyKind::kEndAhead:
      return EndAhead(history);
    case AnomalyKind::kConditionWrongOffset:
      return ConditionWrongOffset(history);
    case AnomalyKind::kConditionTwice:
      return ConditionTwice(history);
    case AnomalyKind::kFalseRefusal:
      return FalseRefusal(history);
    case AnomalyKind::kSequenceTwice:
      return SequenceTwice(history);
    case AnomalyKind::kFencedEpoch:
      return FencedEpoch(history);
    case AnomalyKind::kEpochReused:
      return EpochReused(history);
    case AnomalyKind::kTornBatch:
      return TornBatch(history);
    case AnomalyKind::kAppendTime:
      return AppendTime(history);
    case AnomalyKind::kDivergence:
      return Divergence(history);
    case AnomalyKind::kNoProgress:
      return NoProgress(history);
  }
  return false;
}

}  // namespace kappa::checker
