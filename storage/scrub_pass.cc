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

absl::StatusOr<ScrubPass::Turn> ScrubPass::TurnOf(
    const ReplicaInfo& replica) const {
  const absl::StatusOr<ReplicaPosition> position =
      store_->Position(replica.number);
  if (!position.ok()) return position.status();
  Turn turn{replica, std::max(state_.index, position->base.id.index.Next()),
            position->last.index, LogAudit()};
  if (turn.first > turn.last) return turn;
  absl::StatusOr<LogAudit> audit =
      AuditFrom(*store_, replica.number, turn.first, position->base);
  if (!audit.ok()) return audit.status();
  turn.audit = *std::move(audit);
  return turn;
}

absl::StatusOr<bool> ScrubPass::BeginTurn() {
  for (const ReplicaInfo& replica : store_->Replicas()) {
    if (replica.number < state_.replica) continue;
    if (replica.number > state_.replica) state_.index = LogIndex(0);
    state_.replica = replica.number;
    absl::StatusOr<Turn> turn = TurnOf(replica);
    if (!turn.ok() && !LogIsGone(turn.status())) return turn.status();
    if (turn.ok() && turn->first <= turn->last) {
      state_.index = turn->first;
      turn_ = *std::move(turn);
      return true;
    }
    EndTurn();
  }
  return false;
}

void ScrubPass::EndTurn() {
  state_.replica = state_.replica.Next();
  state_.index = LogIndex(0);
  turn_.reset();
}

absl::StatusOr<std::vector<DamagedRange>> ScrubPass::DamageIn(
    const DamagedRange& range) const {
  const ReplicaNumber replica = turn_->replica.number;
  const absl::StatusOr<ReplicaPosition> position = store_->Position(replica);
  if (!position.ok()) return position.status();
  const LogIndex first = std::max(range.first, position->base.id.index.Next());
  const LogIndex last = std::min(range.last, position->last.index);
  if (first > last) return std::vector<DamagedRange>();
  absl::StatusOr<LogAudit> audit =
      AuditFrom(*store_, replica, first, position->base);
  if (!audit.ok()) return audit.status();
  LogWalk walk{first, last, *std::move(audit)};
  return walk.Run(
      [&](LogIndex from, LogIndex until) {
        return store_->Read(replica, from, until, kPieceBytes,
                            ReadClass::kReplay);
      },
      [](const std::vector<StoredEntry>&) { return true; });
}

absl::StatusOr<std::vector<DamagedRange>> ScrubPass::StillDamaged(
    const std::vector<DamagedRange>& damage) const {
  std::vector<DamagedRange> still;
  for (const DamagedRange& range : damage) {
    absl::StatusOr<std::vector<DamagedRange>> damaged = DamageIn(range);
    if (!damaged.ok() && LogIsGone(damaged.status())) continue;
    if (!damaged.ok()) return damaged.status();
    still.insert(still.end(), damaged->begin(), damaged->end());
  }
  return still;
}

void ScrubPass::AddDamage(const std::vector<DamagedRange>& damage) {
  for (const DamagedRange& range : damage) {
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
  trouble_ = absl::OkStatus();
  if (!turn_.has_value()) {
    const absl::StatusOr<bool> begun = BeginTurn();
    trouble_ = begun.status();
    if (!begun.ok()) return 0;
    if (!*begun) {
      state_.running = false;
      state_.end_time_us = now_us;
      return std::nullopt;
    }
  }
  const absl::StatusOr<uint64_t> bytes = ReadPiece();
  if (bytes.ok()) return *bytes;
  if (LogIsGone(bytes.status())) {
    EndTurn();
  } else {
    trouble_ = bytes.status();
  }
  return 0;
}

absl::StatusOr<uint64_t> ScrubPass::ReadPiece() {
  uint64_t bytes = 0;
  uint64_t entries = 0;
  LogWalk walk{state_.index,
               std::min(turn_->last, state_.index + (kStepEntriesMax - 1)),
               turn_->audit};
  absl::StatusOr<std::vector<DamagedRange>> damage = walk.Run(
      [this](LogIndex from, LogIndex last) {
        return store_->Read(turn_->replica.number, from, last, kPieceBytes,
                            ReadClass::kReplay);
      },
      [&](std::vector<StoredEntry> whole) {
        for (const StoredEntry& entry : whole) bytes += entry.payload.bytes();
        entries += whole.size();
        return bytes < kPieceBytes;
      });
  if (damage.ok()) damage = StillDamaged(*damage);
  if (!damage.ok()) return damage.status();
  AddDamage(*damage);
  state_.entries += entries;
  state_.payload_bytes += bytes;
  turn_->audit = walk.audit;
  state_.index = walk.from;
  if (state_.index > turn_->last) EndTurn();
  return bytes;
}

}  // namespace kappa::storage
