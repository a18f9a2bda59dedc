#include "storage/range_recheck.h"

#include <algorithm>
#include <vector>

#include "absl/status/status.h"

namespace kappa::storage {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;
// Of entries with little in them.
constexpr uint64_t kPieceEntriesMax = 4096;

}  // namespace

absl::StatusOr<RangeRecheck::Step> RangeRecheck::ReadPiece() {
  const Step gone{.bytes = 0, .damaged = false};
  const absl::StatusOr<ReplicaPosition> position = store_->Position(replica_);
  if (LogIsGone(position.status())) return gone;
  if (!position.ok()) return position.status();
  const LogIndex first = std::max(next_, position->base.id.index.Next());
  const LogIndex last = std::min(last_, position->last.index);
  if (first > last) return gone;
  if (!audit_.has_value() || first != next_) {
    absl::StatusOr<LogAudit> audit =
        AuditFrom(*store_, replica_, first, position->base);
    if (LogIsGone(audit.status())) return gone;
    if (!audit.ok()) return audit.status();
    audit_ = *std::move(audit);
  }
  const absl::StatusOr<std::vector<StoredEntry>> entries = store_->Read(
      replica_, first, std::min(last, first + kPieceEntriesMax - 1),
      kPieceBytes, ReadClass::kReplay);
  if (LogIsGone(entries.status())) return gone;
  if (absl::IsDataLoss(entries.status()) ||
      (entries.ok() && entries->empty())) {
    return Step{.bytes = kPieceBytes, .damaged = true};
  }
  if (!entries.ok()) return entries.status();
  Step step;
  for (const StoredEntry& entry : *entries) {
    step.bytes += entry.payload.bytes();
    if (!audit_->Check(entry).ok()) step.damaged = true;
    next_ = entry.header.index.Next();
  }
  if (!step.damaged.has_value() && next_ > last) step.damaged = false;
  return step;
}

}  // namespace kappa::storage
