#include "tests/checker/history_builder.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tests/checker/event_json.h"

namespace kappa::checker {
namespace {

template <typename... Parts>
absl::Status Bad(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

bool Appends(OperationKind kind) {
  return kind == OperationKind::kAppend ||
         kind == OperationKind::kConditionalAppend;
}

bool Reads(OperationKind kind) {
  return kind == OperationKind::kRead || kind == OperationKind::kReplay;
}

// An operation of a kind, with what all kinds have.
template <typename T>
T Make(const Operation& operation) {
  T special;
  static_cast<Operation&>(special) = operation;
  return special;
}

// A field in an answer to a kind of operation that has no such field.
absl::Status Alien(const Event& event, OperationKind kind) {
  const auto no = [&](const char* field) {
    return Bad("\"", field, "\" does not belong into an answer to ",
               NameOf(kind));
  };
  const bool append = Appends(kind);
  const bool end_query = kind == OperationKind::kEndOffset;
  if (!append && event.offset) return no("offset");
  if (!append && event.append_time_us) return no("append_time_us");
  if (!append && !end_query && event.chain) return no("chain");
  if (kind != OperationKind::kOpenProducer && event.epoch) return no("epoch");
  if (!Reads(kind) && !event.batches.empty()) return no("batches");
  if (!Reads(kind) && !event.gaps.empty()) return no("gaps");
  const bool has_end = Reads(kind) || end_query ||
                       (kind == OperationKind::kConditionalAppend &&
                        event.type == EventType::kFail);
  if (!has_end && event.end) return no("end");
  return absl::OkStatus();
}

}  // namespace

ValueId HistoryBuilder::InternValue(const std::string& text) {
  const ValueId value = history_.values.Intern(text);
  if (history_.origins.size() < history_.values.size()) {
    history_.origins.emplace_back();
  }
  return value;
}

std::vector<TextId> HistoryBuilder::InternAll(
    const std::vector<std::string>& texts) {
  std::vector<TextId> ids;
  ids.reserve(texts.size());
  for (const std::string& text : texts) {
    ids.push_back(history_.texts.Intern(text));
  }
  return ids;
}

Delivery HistoryBuilder::ToDelivery(const Event& event) {
  Delivery delivery;
  delivery.line = line_;
  delivery.time_us = event.time_us;
  delivery.gaps = event.gaps;
  delivery.stretches.reserve(event.batches.size());
  for (const EventBatch& batch : event.batches) {
    Stretch& stretch = delivery.stretches.emplace_back();
    stretch.offset = batch.offset;
    stretch.values.reserve(batch.values.size());
    for (const std::string& value : batch.values) {
      stretch.values.push_back(InternValue(value));
    }
    stretch.digests = InternAll(batch.digests);
    stretch.append_time_us = batch.append_time_us;
    if (batch.chain) stretch.chain = history_.texts.Intern(*batch.chain);
  }
  return delivery;
}

Operation& HistoryBuilder::OperationAt(const Place& place) {
  if (Appends(place.kind)) return history_.appends[place.index];
  if (Reads(place.kind)) return history_.reads[place.index];
  if (place.kind == OperationKind::kEndOffset) {
    return history_.end_queries[place.index];
  }
  return history_.openings[place.index];
}

absl::Status HistoryBuilder::Add(const Event& event) {
  ++line_;
  if (event.type != EventType::kFinal) {
    history_.first_us = std::min(history_.first_us, event.time_us);
    history_.last_us = std::max(history_.last_us, event.time_us);
  }
  switch (event.type) {
    case EventType::kInvoke:
      return Invoke(event);
    case EventType::kFinal:
      return AddFinal(event);
    case EventType::kFault:
    case EventType::kHeal:
      history_.marks.push_back({event.type == EventType::kHeal, event.time_us,
                                line_, event.within_us});
      return absl::OkStatus();
    default:
      return Answer(event);
  }
}

absl::Status HistoryBuilder::Invoke(const Event& event) {
  Operation operation;
  operation.op = event.op;
  operation.process = event.process;
  operation.kind = event.kind;
  operation.invoke_us = event.time_us;
  operation.invoke_line = line_;
  operation.node = event.node;
  if (event.kind != OperationKind::kOpenProducer) {
    operation.partition = history_.partitions.Intern(event.partition);
  }
  size_t index = 0;
  absl::Status status;
  if (Appends(event.kind)) {
    index = history_.appends.size();
    status = InvokeAppend(event, Make<Append>(operation));
  } else if (Reads(event.kind)) {
    index = history_.reads.size();
    status = InvokeRead(event, Make<Read>(operation));
  } else if (event.kind == OperationKind::kEndOffset) {
    index = history_.end_queries.size();
    history_.end_queries.push_back(Make<EndQuery>(operation));
    history_.end_queries.back().committed = event.committed;
  } else {
    index = history_.openings.size();
    Opening& opening = history_.openings.emplace_back(Make<Opening>(operation));
    opening.producer = history_.producers.Intern(*event.producer);
    for (const std::string& partition : event.partitions) {
      opening.partitions.push_back(history_.partitions.Intern(partition));
    }
  }
  if (!status.ok()) return status;
  if (!places_.emplace(event.op, Place{event.kind, index}).second) {
    return Bad("op ", event.op, " was invoked before");
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> HistoryBuilder::BatchOf(const Event& event,
                                               PartitionId partition) {
  Batch batch;
  batch.partition = partition;
  batch.digests = InternAll(event.digests);
  if (event.producer) {
    batch.producer = history_.producers.Intern(*event.producer);
    batch.sequence = *event.sequence;
  }
  const size_t number = history_.batches.size();
  for (const std::string& text : event.values) {
    const ValueId value = InternValue(text);
    ValueOrigin& origin = history_.origins[static_cast<size_t>(value)];
    if (!origin.sent()) origin = {number, batch.values.size()};
    batch.values.push_back(value);
    if (history_.OriginOf(batch.values.front()).batch != origin.batch) {
      return Bad("value \"", text, "\" is not unique");
    }
  }
  const size_t origin = history_.OriginOf(batch.values.front()).batch;
  if (origin == number) {
    for (size_t i = 0; i < batch.values.size(); ++i) {
      if (history_.OriginOf(batch.values[i]).index != i) {
        return Bad("value \"", event.values[i], "\" is not unique");
      }
    }
    history_.batches.push_back(std::move(batch));
    return number;
  }
  // Another attempt.
  const Batch& first = history_.batches[origin];
  if (!batch.producer || first.producer != batch.producer ||
      first.sequence != batch.sequence || first.partition != partition ||
      first.values != batch.values || first.digests != batch.digests) {
    return Bad("value \"", event.values.front(),
               "\" is not unique: only attempts with one producer and sequence "
               "may share values, and then all of them");
  }
  return origin;
}

absl::Status HistoryBuilder::InvokeAppend(const Event& event, Append append) {
  const absl::StatusOr<size_t> batch = BatchOf(event, append.partition);
  if (!batch.ok()) return batch.status();
  append.batch = *batch;
  append.epoch = event.epoch.value_or(0);
  append.expected = event.expected;
  history_.batches[*batch].attempts.push_back(history_.appends.size());
  history_.appends.push_back(std::move(append));
  return absl::OkStatus();
}

absl::Status HistoryBuilder::InvokeRead(const Event& event, Read read) {
  read.from = event.from;
  read.resume = event.resume;
  read.committed = event.committed;
  const auto [last, is_first] = last_reads_.try_emplace(
      {event.process, read.partition}, history_.reads.size());
  if (event.resume && !is_first &&
      history_.reads[last->second].return_line == 0) {
    return Bad("process ", event.process, " resumes while its read op ",
               history_.reads[last->second].op, " has no answer");
  }
  last->second = history_.reads.size();
  history_.reads.push_back(std::move(read));
  return absl::OkStatus();
}

absl::Status HistoryBuilder::Answer(const Event& event) {
  const auto found = places_.find(event.op);
  if (found == places_.end()) return Bad("op ", event.op, " was not invoked");
  Place& place = found->second;
  if (place.answered) return Bad("op ", event.op, " was answered before");
  Operation& operation = OperationAt(place);
  if (event.time_us < operation.invoke_us) {
    return Bad("op ", event.op, " is answered before it began");
  }
  if (event.type == EventType::kPart && !Reads(place.kind)) {
    return Bad("a part of ", NameOf(place.kind));
  }
  absl::Status alien = Alien(event, place.kind);
  if (!alien.ok()) return alien;
  if (!event.node.empty()) operation.node = event.node;
  if (event.type != EventType::kPart) {
    place.answered = true;
    operation.return_line = line_;
    operation.return_us = event.time_us;
    if (event.type == EventType::kOk) operation.outcome = Outcome::kOk;
    if (event.type == EventType::kFail) operation.outcome = Outcome::kFailed;
  }
  if (Appends(place.kind)) {
    return AnswerAppend(event, &history_.appends[place.index]);
  }
  if (Reads(place.kind)) {
    return AnswerRead(event, &history_.reads[place.index]);
  }
  if (place.kind == OperationKind::kEndOffset) {
    return AnswerEndQuery(event, &history_.end_queries[place.index]);
  }
  return AnswerOpening(event, &history_.openings[place.index]);
}

absl::Status HistoryBuilder::AnswerAppend(const Event& event, Append* append) {
  append->offset = event.offset;
  append->append_time_us = event.append_time_us;
  append->end = event.end;
  if (event.chain) append->chain = history_.texts.Intern(*event.chain);
  if (!event.offset && (event.append_time_us || event.chain)) {
    return Bad("an append time or chain without \"offset\"");
  }
  return absl::OkStatus();
}

absl::Status HistoryBuilder::AnswerRead(const Event& event, Read* read) {
  read->end = event.end;
  if (!event.batches.empty() || !event.gaps.empty()) {
    read->deliveries.push_back(ToDelivery(event));
  }
  return absl::OkStatus();
}

absl::Status HistoryBuilder::AnswerEndQuery(const Event& event,
                                            EndQuery* query) {
  query->end = event.end;
  if (event.chain) query->chain = history_.texts.Intern(*event.chain);
  if (event.type == EventType::kOk && !event.end) {
    return Bad("an end offset without \"end\"");
  }
  return absl::OkStatus();
}

absl::Status HistoryBuilder::AnswerOpening(const Event& event,
                                           Opening* opening) {
  opening->epoch = event.epoch;
  if (event.type == EventType::kOk && !event.epoch) {
    return Bad("a producer opened without \"epoch\"");
  }
  return absl::OkStatus();
}

absl::Status HistoryBuilder::AddFinal(const Event& event) {
  const PartitionId partition = history_.partitions.Intern(event.partition);
  const TextId node = history_.texts.Intern(event.node);
  if (event.chain && !event.end) return Bad("\"chain\" without \"end\"");
  const auto [place, is_new] =
      finals_.try_emplace({partition, node}, history_.finals.size());
  if (is_new) history_.finals.push_back({partition, node, {}, {}, {}, 0});
  FinalRead& final = history_.finals[place->second];
  if (final.end) return Bad("a final read goes on after its \"end\"");
  final.deliveries.push_back(ToDelivery(event));
  final.end = event.end;
  if (event.chain) final.chain = history_.texts.Intern(*event.chain);
  final.line = line_;
  return absl::OkStatus();
}

absl::StatusOr<History> HistoryBuilder::Finish() && {
  if (history_.operations() == 0) return Bad("no operation");
  std::vector<bool> has_final(history_.partitions.size());
  for (const FinalRead& final : history_.finals) {
    if (!final.end) {
      return Bad("line ", final.line,
                 ": the final read ends there without \"end\"");
    }
    has_final[static_cast<size_t>(final.partition)] = true;
  }
  for (const Append& append : history_.appends) {
    if (append.outcome != Outcome::kOk) continue;
    if (has_final[static_cast<size_t>(append.partition)]) continue;
    return Bad("line ", append.return_line, ": partition ",
               history_.partitions[append.partition],
               " has an acknowledged append and no final read");
  }
  return std::move(history_);
}

}  // namespace kappa::checker
