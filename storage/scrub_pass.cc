#include "storage/scrub_pass.h"

#include <algorithm>
#include <string>

#include "absl/status/statusor.h"
#include "proto/wire/check.h"

namespace kappa::storage {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;
// Entries that are damaged one after the other, looked at in one step.
constexpr uint64_t kStepEntriesMax = 4096;

}  // namespace

void ScrubPass::Begin(int64_t now_us) {
  const uint64_t pass = state_.pass + 1;
  const int64_t end_time_us = state_.end_time_us;
  state_ = ScrubState();
  state_.pass = pass;
  state_.running = true;
  state_.begin_time_us = now_us;
  state_.end_time_us = end_time_us;
  turn_.reset();
}

std::optional<ScrubPass::Turn> ScrubPass::TurnOf(const ReplicaInfo& replica) {
  const absl::StatusOr<ReplicaPosition> position =
      store_->Position(replica.number);
  if (!position.ok()) return std::nullopt;  // dropped meanwhile
  const LogIndex begin = position->base.id.index.Next();
  Turn turn{replica, position->last.index, LogAudit(position->base)};
  if (state_.index > begin) {
    const absl::StatusOr<EntryHeader> before =
        store_->ReadHeader(replica.number, state_.index.Previous());
    turn.audit = before.ok() ? LogAudit(*before) : LogAudit();
  }
  state_.index = std::max(state_.index, begin);
  return turn;
}

bool ScrubPass::BeginTurn() {
  for (const ReplicaInfo& replica : store_->Replicas()) {
    if (replica.number < state_.replica) continue;
    if (replica.number > state_.replica) state_.index = LogIndex(0);
    state_.replica = replica.number;
    turn_ = TurnOf(replica);
    if (turn_.has_value() && state_.index <= turn_->last) return true;
    EndTurn();
  }
  return false;
}

void ScrubPass::EndTurn() {
  state_.replica = state_.replica.Next();
  state_.index = LogIndex(0);
  turn_.reset();
}

bool ScrubPass::StillDamaged(const DamagedRange& range) const {
  const ReplicaNumber replica = turn_->replica.number;
  const absl::StatusOr<ReplicaPosition> position = store_->Position(replica);
  if (!position.ok() || range.first <= position->base.id.index ||
      range.first > position->last.index) {
    return false;
  }
  LogAudit audit(position->base);
  if (range.first > position->base.id.index.Next()) {
    const absl::StatusOr<EntryHeader> before =
        store_->ReadHeader(replica, range.first.Previous());
    audit = before.ok() ? LogAudit(*before) : LogAudit();
  }
  const auto entries =
      store_->Read(replica, range.first, range.first, 1, ReadClass::kReplay);
  return !entries.ok() || entries->empty() ||
         !audit.Check(entries->front()).ok();
}

void ScrubPass::AddDamage(const std::vector<DamagedRange>& damage) {
  for (const DamagedRange& range : damage) {
    if (!StillDamaged(range)) continue;
    state_.damaged_entries += range.last - range.first + 1;
    ScrubRange found{turn_->replica.number, turn_->replica.spec.group,
                     range.first, range.last,
                     std::string(range.status.message())};
    on_damage_(found);
    if (!state_.damage.empty() &&
        state_.damage.back().replica == found.replica &&
        state_.damage.back().last.Next() == found.first) {
      state_.damage.back().last = found.last;
    } else if (state_.damage.size() < kScrubRangesMax) {
      state_.damage.push_back(std::move(found));
    }
  }
}

std::optional<uint64_t> ScrubPass::Step(int64_t now_us) {
  KAPPA_CHECK(state_.running, "no pass runs");
  if (!turn_.has_value() && !BeginTurn()) {
    state_.running = false;
    state_.end_time_us = now_us;
    return std::nullopt;
  }
  uint64_t bytes = 0;
  uint64_t entries = 0;
  LogWalk walk{state_.index,
               std::min(turn_->last, state_.index + (kStepEntriesMax - 1)),
               turn_->audit};
  const auto damage = walk.Run(
      [this](LogIndex from, LogIndex last) {
        return store_->Read(turn_->replica.number, from, last, kPieceBytes,
                            ReadClass::kReplay);
      },
      [&](std::vector<StoredEntry> whole) {
        for (const StoredEntry& entry : whole) bytes += entry.payload.bytes();
        entries += whole.size();
        return bytes < kPieceBytes;
      });
  if (!damage.ok()) {
    // The replica was dropped, or its log cut or trimmed, while it was read.
    EndTurn();
    return bytes;
  }
  AddDamage(*damage);
  state_.entries += entries;
  state_.payload_bytes += bytes;
  turn_->audit = walk.audit;
  state_.index = walk.from;
  if (state_.index > turn_->last) EndTurn();
  return bytes;
}

void ScrubPass::ReportKnownDamage() {
  for (const ScrubRange& range : state_.damage) {
    const auto entries = store_->Read(range.replica, range.first, range.first,
                                      1, ReadClass::kReplay);
    if (absl::IsDataLoss(entries.status())) on_damage_(range);
  }
}

}  // namespace kappa::storage
