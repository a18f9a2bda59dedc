#include "storage/producer_table.h"

#include <algorithm>
#include <utility>

#include "proto/wire/check.h"
#include "storage/node_mutant.h"

namespace kappa::storage {

ProducerTable::ProducerTable(ReplicaNumber replica, const LogStore* store,
                             LogIndex last, ProducerTableOptions options)
    : replica_(replica),
      store_(store),
      options_(options),
      last_in_store_(last) {}

ProducerTable::~ProducerTable() = default;
ProducerTable::ProducerTable(ProducerTable&&) noexcept = default;
ProducerTable& ProducerTable::operator=(ProducerTable&&) noexcept = default;

ProducerFold& ProducerTable::MakeFold() {
  if (fold_ == nullptr) {
    fold_ = std::make_unique<ProducerFold>(replica_, store_, options_);
  }
  return *fold_;
}

absl::Status ProducerTable::Restore() {
  ProducerFold& fold = MakeFold();
  if (fold.restored()) return absl::OkStatus();
  absl::Status status = fold.Restore(last_in_store_);
  if (!status.ok()) return status;
  committed_ = std::max(committed_, fold.durable_checkpoint());
  return fold.FoldThrough(committed_);
}

absl::StatusOr<ProducerVerdict> ProducerTable::Check(
    const ProducerStamp& stamp, std::optional<uint64_t> previous_sequence,
    Offset session_start_offset) {
  KAPPA_CHECK(stamp.present() && stamp.sequence >= 1,
              "a batch to be checked has a producer and a sequence");
  const absl::Status status = Restore();
  if (!status.ok()) return status;
  absl::StatusOr<ProducerVerdict> verdict =
      fold_->Check(stamp, previous_sequence.value_or(stamp.sequence - 1),
                   session_start_offset);
  if (active_node_mutant == NodeMutant::kSequencesLostAtRestart &&
      verdict.ok() && verdict->decision == ProducerDecision::kDuplicate &&
      verdict->index <= last_in_store_) {
    verdict->decision = ProducerDecision::kAccept;
  }
  return verdict;
}

absl::StatusOr<std::optional<ProducerView>> ProducerTable::Lookup(
    const Uuid& id, bool epoch_zero) {
  const absl::Status status = Restore();
  if (!status.ok()) return status;
  const auto record = fold_->Find(ProducerKey{id, !epoch_zero});
  if (!record.ok()) return record.status();
  if (*record == nullptr) return std::nullopt;
  return ProducerView{(*record)->epoch, (*record)->last_sequence,
                      (*record)->state};
}

void ProducerTable::OnAppended(const EntryHeader& header) {
  bytes_since_checkpoint_ += header.payload_bytes;
  std::optional<ProducerEntry> entry = ProducerEntryOf(header);
  if (entry.has_value()) MakeFold().pending().Add(*std::move(entry));
}

absl::Status ProducerTable::OnCommitted(LogIndex index, int64_t now_us) {
  committed_ = std::max(committed_, index);
  if (fold_ != nullptr && !fold_->pending().empty() &&
      fold_->pending().front().index <= committed_) {
    absl::Status status = Restore();
    if (status.ok()) status = fold_->FoldThrough(committed_);
    if (!status.ok()) return status;
  }
  const bool changed = bytes_since_checkpoint_ > 0 ||
                       (fold_ != nullptr && fold_->changed_records() > 0);
  if (changed && !first_change_at_us_.has_value()) {
    first_change_at_us_ = now_us;
  }
  return absl::OkStatus();
}

void ProducerTable::OnTruncated(LogIndex from) {
  KAPPA_CHECK(from > committed_, "a committed entry is never truncated");
  last_in_store_ = std::min(last_in_store_, from.Previous());
  if (fold_ != nullptr) fold_->pending().DropFrom(from);
}

void ProducerTable::OnBaseInstalled(LogIndex base) {
  fold_.reset();
  last_in_store_ = base;
  committed_ = base;
  bytes_since_checkpoint_ = 0;
  first_change_at_us_.reset();
}

bool ProducerTable::CheckpointDue(int64_t now_us) const {
  if (!first_change_at_us_.has_value()) return false;
  if (fold_ != nullptr && fold_->checkpoint_under_way()) return false;
  return bytes_since_checkpoint_ >= options_.checkpoint_bytes ||
         now_us - *first_change_at_us_ >= options_.checkpoint_period_us ||
         (fold_ != nullptr &&
          fold_->changed_records() >= options_.checkpoint_records);
}

absl::StatusOr<std::vector<SideRow>> ProducerTable::TakeCheckpoint() {
  // A fold that failed and can be repeated may be behind.
  absl::Status status = Restore();
  if (status.ok()) status = fold_->FoldThrough(committed_);
  if (!status.ok()) return status;
  bytes_since_checkpoint_ = 0;
  first_change_at_us_.reset();
  return fold_->TakeCheckpoint(committed_);
}

void ProducerTable::OnCheckpointDurable() {
  if (fold_ != nullptr) fold_->OnCheckpointDurable();
}

absl::StatusOr<LogIndex> ProducerTable::checkpoint_index() {
  if (fold_ != nullptr && fold_->restored()) {
    return fold_->durable_checkpoint();
  }
  const auto checkpoint = ReadProducerCheckpoint(*store_, replica_);
  if (!checkpoint.ok()) return checkpoint.status();
  return checkpoint->index;
}

size_t ProducerTable::cached_records() const {
  return fold_ == nullptr ? 0 : fold_->cached_records();
}

}  // namespace kappa::storage
