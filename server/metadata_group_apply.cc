// MetadataGroup: from the log to the state.
#include <string>
#include <utility>

#include "proto/wire/check.h"
#include "server/errors.h"
#include "server/log_reader.h"
#include "server/logging.h"
#include "server/metadata_group.h"
#include "server/reader_pool.h"
#include "storage/damaged_index.h"

namespace kappa::server {
namespace {

using storage::StoredEntry;
using storage::v1::MetadataCommand;

// What is committed and waits in memory; more is read again from the log.
constexpr size_t kHeldMax = 2048;
constexpr size_t kHeldBytesMax = 4 << 20;
constexpr size_t kEffectsMax = 1024;

// Nothing is damaged: there was no room, or too many files are open.
bool MayWorkLater(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status);
}

}  // namespace

void MetadataGroup::TakeCommitted() {
  log_.SkipRestored();
  while (std::optional<StoredEntry> entry = log_.PopCommitted()) {
    const LogIndex end =
        held_.empty() ? state_.applied() : held_.back().header.index;
    if (entry->header.index != end.Next() || held_.size() >= kHeldMax ||
        held_bytes_ >= kHeldBytesMax) {
      continue;
    }
    held_bytes_ += entry->payload.bytes();
    held_.PushBack(*std::move(entry));
  }
}

bool MetadataGroup::MayApply() const {
  return stopped_.ok() && !awaits_effects_ && !reading_ &&
         effects_running_.size() < kEffectsMax;
}

void MetadataGroup::ApplyCommitted() {
  refused_read_ = false;
  while (!held_.empty() && MayApply()) {
    if (!ApplyHeld()) return;
  }
  if (held_.empty() && MayApply()) ReadPiece();
}

bool MetadataGroup::ApplyHeld() {
  const StoredEntry& entry = held_.front();
  const raft::EntryId id = {entry.header.term, entry.header.index};
  if (ApplyOwn(id)) {
    DropHeldFront();
    return true;
  }
  absl::StatusOr<std::optional<MetadataCommand>> command = CommandOf(entry);
  if (!command.ok()) {
    Stop(command.status());
    return false;
  }
  if (!command->has_value()) {
    state_.Skip(id.index);
  } else if (state_.TryPrepare(**command)) {
    ApplyPrepared(id.index, **command, nullptr);
  } else {
    ReadRowAndApply(**std::move(command));
    return false;
  }
  DropHeldFront();
  return true;
}

void MetadataGroup::ReadRowAndApply(MetadataCommand command) {
  reading_ = true;
  const std::string name = command.open_producer().name();
  ReadProducer(name, [this, command = std::move(command)](
                         absl::StatusOr<std::optional<NamedProducer>> row) {
    reading_ = false;
    if (MayWorkLater(row.status())) {
      refused_read_ = true;
      return;
    }
    if (!row.ok()) return Stop(row.status());
    state_.Prepare(command, *std::move(row));
    ApplyPrepared(held_.front().header.index, command, nullptr);
    DropHeldFront();
  });
}

void MetadataGroup::DropHeldFront() {
  held_bytes_ -= held_.PopFront().payload.bytes();
}

// The rows that a piece comes with are the newest only if no change of one is
// on its way to the store.
void MetadataGroup::ReadPiece() {
  const LogIndex from = state_.applied().Next();
  const LogIndex last = log_.committed_tail().last.index;
  if (from > last || !rows_.empty() || !row_writes_in_flight_.empty()) return;
  ReaderPool::Job job = [this, services = services_, number = log_.number(),
                         from, last] {
    auto piece = ReadMetadataPiece(*services->store, number, from, last);
    services->post(this, [this, piece = std::move(piece)]() mutable {
      FinishPiece(std::move(piece));
    });
  };
  reading_ = services_->readers->Submit(storage::ReadClass::kPoint, job);
  refused_read_ = !reading_;
}

void MetadataGroup::FinishPiece(absl::StatusOr<MetadataPiece> piece) {
  reading_ = false;
  if (!stopped_.ok()) return;
  if (MayWorkLater(piece.status()) && !ready_) {
    refused_read_ = true;
    return;
  }
  if (!piece.ok() && !sole_voter() && !ready_ &&
      storage::DamagedIndexOf(piece.status()).has_value()) {
    return AwaitRepair(piece.status());
  }
  if (!piece.ok()) return Stop(piece.status());
  for (const MetadataPiece::Entry& entry : piece->entries) {
    if (ApplyOwn(entry.id)) continue;
    if (!entry.command.has_value()) {
      state_.Skip(entry.id.index);
      continue;
    }
    if (!state_.TryPrepare(*entry.command)) {
      const auto row = piece->rows.find(entry.command->open_producer().name());
      KAPPA_CHECK(row != piece->rows.end(), "a piece has all rows it needs");
      state_.Prepare(*entry.command, row->second);
    }
    ApplyPrepared(entry.id.index, *entry.command, nullptr);
  }
}

// Read again with a tick: others may have it whole.
void MetadataGroup::AwaitRepair(const absl::Status& damage) {
  refused_read_ = true;
  const std::optional<LogIndex> index = storage::DamagedIndexOf(damage);
  if (index == told_damage_) return;
  told_damage_ = index;
  services_->report_damage(kMetadataGroup, log_.number(),
                           ReadErrorOf(damage, kMetadataGroup));
}

bool MetadataGroup::ApplyOwn(raft::EntryId id) {
  if (commands_.empty() || commands_.front().id != id) return false;
  PendingCommand own = commands_.PopFront();
  ApplyPrepared(id.index, own.command, std::move(own.done));
  return true;
}

void MetadataGroup::ApplyPrepared(LogIndex index,
                                  const MetadataCommand& command, Done done) {
  CommandOutcome outcome = state_.Apply(index, command, &rows_);
  if (outcome.nodes_changed && nodes_changed_) nodes_changed_(state_.nodes());
  for (const TopicChange& change : outcome.other_topics) {
    if (effects_) effects_(change, /*deleted=*/false, [] {});
  }
  // Also a command that changed nothing waits for those before it.
  if (!effects_ || outcome.topic.topic == nullptr) {
    if (done) done(std::move(outcome));
    return;
  }
  const uint64_t id = next_effect_++;
  const TopicChange change = outcome.topic;
  effects_running_[id] = {std::move(outcome), std::move(done)};
  effects_(change, command.has_delete_topic(),
           [this, id] { FinishEffect(id); });
}

void MetadataGroup::FinishEffect(uint64_t id) {
  auto finished = effects_running_.extract(id);
  if (state_.applied() < log_.committed_tail().last.index) {
    services_->post(this, [] {});
  }
  if (finished.empty() || !finished.mapped().done) return;
  finished.mapped().done(std::move(finished.mapped().outcome));
}

void MetadataGroup::Stop(const absl::Status& status) {
  LogError("metadata_stopped", {{"error", status.ToString()}});
  stopped_ = ReadErrorOf(status, kMetadataGroup);
  if (ready_) std::exchange(ready_, nullptr)(status);
  Abandon(stopped_);
  // Others may still have what this replica cannot read.
  log_.SetUnfit(true);
  if (log_.leads()) log_.TransferLeadership(std::nullopt).IgnoreError();
  AdvanceAgain();
}

}  // namespace kappa::server
