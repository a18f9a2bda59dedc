#include "tests/simulation/nodes/log_poller.h"

#include <limits>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/server/node_driver.h"

namespace kappa::node_simulation {
namespace {

using checker::Event;
using checker::EventType;
using checker::OperationKind;

std::string HexOf(const Digest& digest) {
  return absl::BytesToHexString(absl::string_view(
      reinterpret_cast<const char*>(digest.data()), digest.size()));
}

}  // namespace

std::vector<checker::EventBatch> BatchesOf(const server::ReadChunk& chunk) {
  std::vector<checker::EventBatch> batches;
  for (const storage::StoredEntry& entry : chunk.entries) {
    server::ReadChunk one;
    one.entries.push_back(entry);
    checker::EventBatch& batch = batches.emplace_back();
    batch.offset = entry.header.base_offset.value();
    batch.values = server::ValuesOf(one);
    batch.append_time_us = entry.header.append_time_us;
    batch.chain = HexOf(entry.header.chain);
  }
  return batches;
}

void LogPoller::Step() {
  if (read_.under_way()) return Take();
  if (!pausing() && !stopped_) Begin();
}

void LogPoller::Begin() {
  if (!place_.has_value()) {
    if (around_->places.empty()) return;
    place_ = around_->places[random_.Below(around_->places.size())];
    position_ = 0;
    begun_ = false;
  }
  if (!operation_ && random_.OneIn(20)) node_ = AnyNode().value_or(0);
  SimulatedNode* const node = Chosen();
  if (node == nullptr) return Pause(50'000);
  const std::optional<GroupId> group = GroupAt(*node, *place_);
  if (!group.has_value()) {
    Follow(absl::OkStatus());
    return Pause(50'000);
  }
  if (!operation_) {
    Event event = Invocation(
        replays_ ? OperationKind::kReplay : OperationKind::kRead, *node);
    event.partition = place_->name();
    event.committed = true;
    if (begun_) {
      event.resume = true;
    } else {
      event.from = 0;
    }
    op_ = history().Invoke(std::move(event));
    operation_ = true;
  }
  asked_ = node;
  server::ReadCommand command;
  command.group = *group;
  command.from = Offset(position_);
  command.until = Offset(std::numeric_limits<uint64_t>::max());
  command.bytes_max = replays_ ? 200 : 2'000;
  command.read_class =
      replays_ ? storage::ReadClass::kReplay : storage::ReadClass::kPoint;
  node->node()->Read(command, read_.Begin(&world(), *node, 1'500'000));
}

void LogPoller::Take() {
  const auto answer = read_.Take();
  if (!answer.has_value()) return;
  if (answer->ok()) {
    OnChunk(**answer);
  } else {
    OnFailure(answer->status());
  }
}

void LogPoller::OnChunk(const server::ReadChunk& chunk) {
  ++world().counts.reads;
  const bool at_end = chunk.next_offset.value() >= chunk.end_offset.value();
  Event event;
  event.type = replays_ && !at_end ? EventType::kPart : EventType::kOk;
  event.op = op_;
  event.node = NameOf(*asked_);
  event.batches = BatchesOf(chunk);
  if (world().options.mutant == Mutant::kReplayResumesTooFar) {
    std::erase_if(event.batches, [this](const checker::EventBatch& batch) {
      return batch.offset < position_;
    });
  }
  begun_ |= !event.batches.empty();
  if (!chunk.entries.empty()) position_ = chunk.next_offset.value();
  history().Add(std::move(event));
  operation_ = replays_ && !at_end;
  if (replays_ && at_end) place_.reset();
  Pause(at_end ? 80'000 : 3'000);
}

void LogPoller::OnFailure(const absl::Status& status) {
  RecordFailure(op_, asked_, status);
  operation_ = false;
  if (begun_ && replays_) {
    ++world().counts.replays_resumed;
    if (world().options.mutant == Mutant::kReplayResumesTooFar) ++position_;
  }
  Follow(status);
  Pause(60'000);
}

void EndAsker::Step() {
  if (end_.under_way()) {
    const auto answer = end_.Take();
    if (!answer.has_value()) return;
    if (!answer->ok()) {
      RecordFailure(op_, asked_, answer->status());
    } else {
      ++world().counts.ends_confirmed;
      Event event;
      event.type = EventType::kOk;
      event.op = op_;
      event.node = NameOf(*asked_);
      event.end = (*answer)->end_offset.value();
      event.chain = HexOf((*answer)->chain);
      history().Add(std::move(event));
    }
    return Pause(100'000);
  }
  if (pausing() || stopped_ || around_->places.empty()) return;
  node_ = AnyNode().value_or(0);
  SimulatedNode* const node = Chosen();
  if (node == nullptr) return Pause(50'000);
  const Place place = around_->places[random_.Below(around_->places.size())];
  const std::optional<GroupId> group = GroupAt(*node, place);
  if (!group.has_value()) return Pause(50'000);
  Event event = Invocation(OperationKind::kEndOffset, *node);
  event.partition = place.name();
  op_ = history().Invoke(std::move(event));
  asked_ = node;
  node->node()->GetEnd(*group, v1::CONSISTENCY_UNSPECIFIED,
                       end_.Begin(&world(), *node, 1'500'000));
}

}  // namespace kappa::node_simulation
