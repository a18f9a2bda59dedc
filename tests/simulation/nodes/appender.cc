#include "tests/simulation/nodes/appender.h"

#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/server/node_driver.h"

namespace kappa::node_simulation {
namespace {

using checker::Event;
using checker::EventType;
using checker::OperationKind;
using server::AppendResult;

constexpr int64_t kTimeoutUs = 1'500'000;

std::string HexOf(const Digest& digest) {
  return absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(digest.data()), digest.size()));
}

uint64_t EndIn(const absl::Status& refusal) {
  return std::strtoull(server::FactOf(refusal, "end_offset").c_str(), nullptr,
                       10);
}

}  // namespace

void Appender::Step() {
  if (append_.under_way()) return TakeAppend();
  if (open_.under_way()) return TakeOpening();
  if (end_.under_way()) return TakeEnd();
  if (pausing()) return;
  if (!batch_.values.empty()) return BeginAppend();
  if (stopped_ || around_->places.empty()) return;
  if (kind_ == AppenderKind::kNamed && producer_id_.empty()) {
    return BeginOpening();
  }
  if (kind_ == AppenderKind::kSession && producer_id_.empty()) {
    end_place_ = around_->places[random_.Below(around_->places.size())];
    return BeginEnd();
  }
  MakeBatch();
}

// --- producers ---

void Appender::BeginOpening() {
  SimulatedNode* const node = Chosen();
  if (node == nullptr) return Pause(50'000);
  // Of one topic.
  const std::string topic = around_->places.front().topic;
  opened_.clear();
  v1::OpenProducerRequest request;
  request.set_name(producer_);
  request.set_topic(topic);
  Event event = Invocation(OperationKind::kOpenProducer, *node);
  event.producer = producer_;
  for (const Place& place : around_->places) {
    if (place.topic != topic) continue;
    opened_.push_back(place);
    request.add_partitions(place.partition);
    event.partitions.push_back(place.name());
  }
  op_ = history().Invoke(std::move(event));
  asked_ = node;
  node->node()->OpenProducer(request, open_.Begin(&world(), *node, 3'000'000));
}

void Appender::TakeOpening() {
  const auto answer = open_.Take();
  if (!answer.has_value()) return;
  if (!answer->ok()) {
    RecordFailure(op_, asked_, answer->status());
    Follow(answer->status());
    return Pause(200'000);
  }
  const v1::OpenProducerResponse& opened = **answer;
  Event event;
  event.type = EventType::kOk;
  event.op = op_;
  event.node = NameOf(*asked_);
  event.epoch = opened.epoch();
  history().Add(std::move(event));
  producer_id_ = opened.producer_id();
  epoch_ = opened.epoch();
  last_sequences_.clear();
  for (const v1::ProducerPosition& position : opened.positions()) {
    const Place place{opened_.front().topic, position.partition()};
    last_sequences_[place.name()] = position.last_sequence();
  }
}

void Appender::BeginEnd() {
  SimulatedNode* const node = Chosen();
  if (node == nullptr) return Pause(50'000);
  const std::optional<GroupId> group = GroupAt(*node, end_place_);
  if (!group.has_value()) {
    Follow(absl::OkStatus());
    return Pause(50'000);
  }
  Event event = Invocation(OperationKind::kEndOffset, *node);
  event.partition = end_place_.name();
  op_ = history().Invoke(std::move(event));
  asked_ = node;
  node->node()->GetEnd(*group, v1::CONSISTENCY_UNSPECIFIED,
                       end_.Begin(&world(), *node, kTimeoutUs));
}

void Appender::TakeEnd() {
  const auto answer = end_.Take();
  if (!answer.has_value()) return;
  if (!answer->ok()) {
    RecordFailure(op_, asked_, answer->status());
    Follow(answer->status());
    return Pause(100'000);
  }
  Event event;
  event.type = EventType::kOk;
  event.op = op_;
  event.node = NameOf(*asked_);
  event.end = (*answer)->end_offset.value();
  history().Add(std::move(event));
  ends_[end_place_.name()] = (*answer)->end_offset.value();
  if (kind_ != AppenderKind::kSession) return;
  session_start_ = (*answer)->end_offset.value();
  session_batches_ = 0;
  producer_ = absl::StrCat("session-", process_, "-", ++session_);
  producer_id_ = std::string(16, 's');
  for (size_t i = 0; i < 8; ++i) {
    producer_id_[i] = static_cast<char>(process_ >> (8 * i));
    producer_id_[8 + i] = static_cast<char>(session_ >> (8 * i));
  }
  last_sequences_.clear();
  opened_ = {end_place_};
}

void Appender::LeaveSession() {
  producer_id_.clear();
  batch_ = Batch();
}

// --- batches ---

void Appender::MakeBatch() {
  Batch batch;
  const std::vector<Place>& places = exact() ? opened_ : around_->places;
  batch.place = places[random_.Below(places.size())];
  const std::string name = batch.place.name();
  if (kind_ == AppenderKind::kConditional) {
    const auto end = ends_.find(name);
    if (end == ends_.end()) {
      end_place_ = batch.place;
      return BeginEnd();
    }
    batch.expected = end->second;
  }
  const uint64_t count = random_.OneIn(2) ? 1 : 2 + random_.Below(3);
  for (uint64_t i = 0; i < count; ++i) batch.values.push_back(NewValue());
  if (exact()) batch.sequence = last_sequences_[name] + 1;
  const auto leader = leaders_.find(name);
  if (leader != leaders_.end()) node_ = leader->second;
  batch_ = std::move(batch);
  BeginAppend();
}

v1::ProducerSequence Appender::SequenceOf(const Batch& batch) const {
  v1::ProducerSequence sequence =
      server::Sequence(producer_id_, epoch_, batch.sequence);
  if (kind_ == AppenderKind::kSession) {
    sequence.set_session_start_offset(session_start_);
  }
  return sequence;
}

void Appender::BeginAppend() {
  SimulatedNode* const node = Chosen();
  if (node == nullptr) return Pause(50'000);
  const std::optional<GroupId> group = GroupAt(*node, batch_.place);
  if (!group.has_value()) {
    Follow(absl::OkStatus());
    return Pause(50'000);
  }
  Event event =
      Invocation(batch_.expected.has_value() ? OperationKind::kConditionalAppend
                                             : OperationKind::kAppend,
                 *node);
  event.partition = batch_.place.name();
  event.values = batch_.values;
  event.expected = batch_.expected;
  if (exact()) {
    event.producer = producer_;
    event.epoch = epoch_;
    event.sequence = batch_.sequence;
  }
  op_ = history().Invoke(std::move(event));
  asked_ = node;
  auto done = append_.Begin(&world(), *node, kTimeoutUs);
  Send(node, *group,
       [this, node, group = *group, process = node->process(),
        done = std::move(done)](absl::StatusOr<AppendResult> answer) mutable {
         if (answer.ok() && node->process() == process) {
           on_acknowledged_(*node, group, *answer);
         }
         done(std::move(answer));
       });
}

void Appender::Send(SimulatedNode* node, GroupId group,
                    server::Node::Callback<AppendResult> done) {
  server::AppendCommand command;
  command.group = group;
  if (exact()) command.producer = SequenceOf(batch_);
  if (batch_.expected.has_value()) {
    command.expected_offset = Offset(*batch_.expected);
  }
  const bool split =
      world().options.mutant == Mutant::kBatchSplit && batch_.values.size() > 1;
  if (!split) {
    command.batch = server::BatchOf(batch_.values);
    return node->node()->Append(std::move(command), std::move(done));
  }
  command.batch = server::BatchOf({batch_.values.front()});
  server::AppendCommand rest;
  rest.group = group;
  rest.batch = server::BatchOf(
      std::vector<std::string>(batch_.values.begin() + 1, batch_.values.end()));
  const uint64_t process = node->process();
  node->node()->Append(
      std::move(command),
      [node, process, rest = std::move(rest),
       done = std::move(done)](absl::StatusOr<AppendResult> first) mutable {
        if (!first.ok() || first->duplicate || node->process() != process) {
          return done(std::move(first));
        }
        node->node()->Append(std::move(rest),
                             [first = *first, done = std::move(done)](
                                 absl::StatusOr<AppendResult> last) mutable {
                               if (!last.ok()) return done(std::move(last));
                               done(first);
                             });
      });
}

void Appender::TakeAppend() {
  const auto answer = append_.Take();
  if (!answer.has_value()) return;
  const bool forgotten = ReasonOf(answer->status()) == "SEQUENCE_STORED";
  if (answer->ok() || forgotten) return OnStored(*answer);
  OnRefused(answer->status());
}

void Appender::OnStored(const absl::StatusOr<AppendResult>& answer) {
  Event event;
  event.type = EventType::kOk;
  event.op = op_;
  event.node = NameOf(*asked_);
  if (answer.ok()) {
    event.offset = answer->base_offset.value();
    event.append_time_us = answer->append_time_us;
    event.chain = HexOf(answer->chain);
    if (answer->duplicate) ++world().counts.duplicates;
    ends_[batch_.place.name()] = answer->next_offset.value();
    leaders_[batch_.place.name()] = node_;
  }
  history().Add(std::move(event));
  ++world().counts.batches_acknowledged;
  if (batch_.expected.has_value()) ++world().counts.conditional_stored;
  if (exact()) last_sequences_[batch_.place.name()] = batch_.sequence;
  batch_ = Batch();
  if (kind_ == AppenderKind::kSession && ++session_batches_ >= 25) {
    LeaveSession();
  }
  // Somebody opens it anew now and then.
  if (kind_ == AppenderKind::kNamed && random_.OneIn(80)) producer_id_.clear();
  Pause(random_.OneIn(4) ? 150'000 : 20'000);
}

void Appender::OnRefused(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  const bool definite = IsDefinite(status);
  ++(definite ? world().counts.batches_refused
              : world().counts.batches_unknown);
  if (reason == "EXPECTED_OFFSET_MISMATCH") {
    Event event;
    event.type = EventType::kFail;
    event.op = op_;
    event.node = NameOf(*asked_);
    event.reason = reason;
    event.end = EndIn(status);
    history().Add(std::move(event));
    ++world().counts.conditional_refused;
    ends_[batch_.place.name()] = EndIn(status);
    batch_ = Batch();
    return Pause(20'000);
  }
  RecordFailure(op_, asked_, status);
  Follow(status);
  leaders_[batch_.place.name()] = node_;
  Pause(60'000);
  if (reason == "PRODUCER_FENCED" && kind_ == AppenderKind::kNamed) {
    ++world().counts.fenced;
    LeaveSession();
    return Pause(800'000);
  }
  static constexpr const char* kExpected[] = {"",
                                              "NOT_LEADER",
                                              "OVERLOADED",
                                              "DISK_FULL",
                                              "SHUTTING_DOWN",
                                              "OUTCOME_UNKNOWN",
                                              "TOPIC_NOT_FOUND"};
  bool expected = false;
  for (const char* known : kExpected) expected |= reason == known;
  if (!expected) {
    world().Fail(absl::StrCat(producer_, ", sequence ", batch_.sequence, " in ",
                              batch_.place.name(),
                              ", is refused: ", status.ToString()));
    return LeaveSession();
  }
  if (exact()) {
    batch_.repeated = true;
    return;
  }
  // It cannot be told from a repetition, so it is given up.
  ends_.erase(batch_.place.name());
  batch_ = Batch();
}

}  // namespace kappa::node_simulation
