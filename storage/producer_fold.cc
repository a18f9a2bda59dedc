#include "storage/producer_fold.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "proto/wire/check.h"

namespace kappa::storage {
namespace {

// Read at a time when the log above the checkpoint is read.
constexpr size_t kRestoreBytes = size_t{1} << 20;

}  // namespace

std::optional<ProducerEntry> ProducerEntryOf(const EntryHeader& header) {
  if (!header.producer.present()) return std::nullopt;
  const bool fence = header.kind == raft::EntryKind::kProducerFence;
  if (!fence && header.kind != raft::EntryKind::kRecords) return std::nullopt;
  if (fence && header.producer.epoch == 0) return std::nullopt;
  ProducerEntry entry;
  entry.index = header.index;
  entry.kind = header.kind;
  entry.stamp = header.producer;
  entry.next_offset = header.next_offset();
  entry.state = header.producer_state;
  return entry;
}

absl::StatusOr<ProducerCheckpoint> ReadProducerCheckpoint(
    const LogStore& store, ReplicaNumber replica) {
  auto row =
      store.GetSideRow(SideTable::kProducers, ProducerCheckpointKey(replica));
  if (!row.ok()) return row.status();
  if (!row->has_value()) return ProducerCheckpoint();
  return DecodeProducerCheckpoint(**row);
}

// --- the fold ---

absl::Status ProducerFold::Restore(LogIndex last) {
  if (restored_) return absl::OkStatus();
  const auto checkpoint = ReadProducerCheckpoint(*store_, replica_);
  if (!checkpoint.ok()) return checkpoint.status();
  absl::Status status = LoadSessions(*checkpoint);
  if (status.ok()) status = LoadHeaders(checkpoint->index, last);
  if (!status.ok()) return status;
  durable_checkpoint_ = checkpoint->index;
  restored_ = true;
  return absl::OkStatus();
}

absl::Status ProducerFold::LoadSessions(const ProducerCheckpoint& checkpoint) {
  sessions_ =
      UnnamedSessions(options_.unnamed_sessions_max, checkpoint.evicted_offset);
  if (checkpoint.unnamed_sessions == 0) return absl::OkStatus();
  const std::string prefix = UnnamedSessionsPrefix(replica_);
  absl::Status decoded;
  const absl::Status scanned = store_->ScanSideRows(
      SideTable::kProducers, prefix,
      [&](std::string_view key, std::string_view value) {
        const auto record = DecodeProducerRecord(value);
        Uuid id{};
        if (!record.ok() || key.size() != prefix.size() + id.size()) {
          decoded = absl::DataLossError("an unnamed session's row is damaged");
          return false;
        }
        std::copy_n(key.begin() + static_cast<ptrdiff_t>(prefix.size()),
                    id.size(), id.begin());
        sessions_.Touch(id, record->last_index, record->last_next_offset);
        return true;
      });
  return scanned.ok() ? decoded : scanned;
}

absl::Status ProducerFold::LoadHeaders(LogIndex after, LogIndex last) {
  const auto position = store_->Position(replica_);
  if (!position.ok()) return position.status();
  std::vector<ProducerEntry> entries;
  LogIndex next = std::max(after, position->base.id.index).Next();
  while (next <= last) {
    // In one sweep: small batches would cost a point read each.
    const auto read =
        store_->Read(replica_, next, last, kRestoreBytes, ReadClass::kReplay);
    if (!read.ok()) return read.status();
    if (read->empty()) {
      return absl::DataLossError("the log ends before its last index");
    }
    for (const StoredEntry& stored : *read) {
      std::optional<ProducerEntry> entry = ProducerEntryOf(stored.header);
      if (entry.has_value()) entries.push_back(*std::move(entry));
    }
    next = read->back().header.index.Next();
  }
  pending_.AddBefore(std::move(entries));
  return absl::OkStatus();
}

absl::Status ProducerFold::FoldThrough(LogIndex committed) {
  while (!pending_.empty() && pending_.front().index <= committed) {
    // Loads what it needs before it changes anything, so it can be repeated.
    const absl::Status status = Fold(pending_.front());
    if (!status.ok()) return status;
    pending_.TakeFront();
  }
  TrimCache();
  return absl::OkStatus();
}

absl::Status ProducerFold::Fold(const ProducerEntry& entry) {
  auto cached = Load(entry.key());
  if (!cached.ok()) return cached.status();
  if (*cached == nullptr) {
    auto made = std::make_unique<Cached>();
    // A session that was evicted while this batch was under way begins anew:
    // what came before it is not known.
    if (!entry.key().named && sessions_.evicted_offset() > Offset(0)) {
      made->record.ForgetBelow(entry.stamp.sequence);
    }
    *cached = made.get();
    records_[entry.key()] = std::move(made);
  }
  (*cached)->record.Fold(entry);
  MarkChanged(*cached);
  if (!entry.key().named) FoldSession(entry);
  return absl::OkStatus();
}

void ProducerFold::FoldSession(const ProducerEntry& entry) {
  const std::optional<Uuid> evicted =
      sessions_.Touch(entry.stamp.id, entry.index, entry.next_offset);
  if (!evicted.has_value()) return;
  const auto it = records_.find(ProducerKey{*evicted, false});
  if (it != records_.end()) {
    if (it->second->changed) --changed_;
    records_.erase(it);
  }
  evicted_.insert(*evicted);
}

absl::StatusOr<ProducerFold::Cached*> ProducerFold::Load(
    const ProducerKey& key) {
  const auto it = records_.find(key);
  if (it != records_.end()) {
    it->second->last_use = ++uses_;
    return it->second.get();
  }
  if (!key.named && !sessions_.Knows(key.id)) return nullptr;
  const auto row = store_->GetSideRow(SideTable::kProducers,
                                      ProducerRecordKey(replica_, key));
  if (!row.ok()) return row.status();
  if (!row->has_value()) {
    if (key.named) return nullptr;
    return absl::DataLossError("an unnamed session's row is missing");
  }
  auto record = DecodeProducerRecord(**row);
  if (!record.ok()) return record.status();
  auto cached = std::make_unique<Cached>();
  cached->record = *std::move(record);
  cached->last_use = ++uses_;
  return (records_[key] = std::move(cached)).get();
}

absl::StatusOr<const ProducerRecord*> ProducerFold::Find(
    const ProducerKey& key) {
  TrimCache();
  const auto cached = Load(key);
  if (!cached.ok()) return cached.status();
  return *cached == nullptr ? nullptr : &(*cached)->record;
}

void ProducerFold::MarkChanged(Cached* cached) {
  cached->last_use = ++uses_;
  if (cached->changed) return;
  cached->changed = true;
  ++changed_;
}

void ProducerFold::TrimCache() {
  if (records_.size() <= changed_ + 2 * options_.cached_records_max) return;
  std::vector<std::pair<uint64_t, ProducerKey>> clean;
  for (const auto& [key, cached] : records_) {
    if (!cached->changed && !cached->written) {
      clean.emplace_back(cached->last_use, key);
    }
  }
  if (clean.size() <= options_.cached_records_max) return;
  const size_t excess = clean.size() - options_.cached_records_max;
  std::nth_element(clean.begin(),
                   clean.begin() + static_cast<ptrdiff_t>(excess), clean.end());
  for (size_t i = 0; i < excess; ++i) records_.erase(clean[i].second);
}

// --- decisions ---

absl::StatusOr<ProducerVerdict> ProducerFold::Check(
    const ProducerStamp& stamp, uint64_t previous_sequence,
    Offset session_start_offset) {
  const ProducerKey key{stamp.id, stamp.epoch > 0};
  const auto record = Find(key);
  if (!record.ok()) return record.status();
  if (key.named) {
    const auto refused = CheckEpoch(stamp, *record);
    if (refused.has_value()) return *refused;
  } else if (*record == nullptr && !pending_.Knows(key)) {
    // A named producer's id without its epoch is an old epoch of it.
    const auto named = Find(ProducerKey{stamp.id, true});
    if (!named.ok()) return named.status();
    const auto refused = CheckEpoch(stamp, *named);
    if (refused.has_value()) return *refused;
    if (session_start_offset < sessions_.evicted_offset()) {
      ProducerVerdict verdict;
      verdict.decision = ProducerDecision::kUnknown;
      return verdict;
    }
    return CheckSequence(stamp, previous_sequence, nullptr);
  }
  return CheckSequence(stamp, previous_sequence, *record);
}

std::optional<ProducerVerdict> ProducerFold::CheckEpoch(
    const ProducerStamp& stamp, const ProducerRecord* record) const {
  ProducerVerdict verdict;
  verdict.decision = ProducerDecision::kFenced;
  if (record != nullptr && record->epoch > stamp.epoch) {
    verdict.epoch = record->epoch;
    return verdict;
  }
  const auto higher =
      pending_.FirstAboveEpoch(ProducerKey{stamp.id, true}, stamp.epoch);
  if (!higher.has_value()) return std::nullopt;
  verdict.epoch = higher->epoch;
  verdict.rests_on = higher->index;
  return verdict;
}

ProducerVerdict ProducerFold::CheckSequence(
    const ProducerStamp& stamp, uint64_t previous_sequence,
    const ProducerRecord* record) const {
  const ProducerKey key{stamp.id, stamp.epoch > 0};
  const auto last_pending = pending_.LastBatch(key);
  ProducerVerdict verdict;
  verdict.last_sequence = record != nullptr ? record->last_sequence : 0;
  if (last_pending.has_value()) {
    verdict.last_sequence = last_pending->sequence;
    verdict.rests_on = last_pending->index;
  }
  if (stamp.sequence > verdict.last_sequence) {
    verdict.decision = previous_sequence == verdict.last_sequence
                           ? ProducerDecision::kAccept
                           : ProducerDecision::kSequenceGap;
    return verdict;
  }
  if (const auto pending = pending_.BatchOf(key, stamp.sequence)) {
    verdict.decision = ProducerDecision::kDuplicate;
    verdict.index = verdict.rests_on = pending->index;
    return verdict;
  }
  // Below the last one and not stored: the producer steps back over batches
  // that it never sent.
  verdict.decision = ProducerDecision::kSequenceGap;
  if (record == nullptr) {
    // A session may have been evicted after its first pending batch was
    // accepted: what it stored before is not known.
    const auto first_pending = pending_.FirstBatch(key);
    if (!key.named && sessions_.evicted_offset() > Offset(0) &&
        first_pending.has_value() && stamp.sequence < first_pending->sequence) {
      verdict.decision = ProducerDecision::kUnknown;
    }
    return verdict;
  }
  const auto result =
      std::partition_point(record->results.begin(), record->results.end(),
                           [&stamp](const ProducerResult& r) {
                             return r.sequence < stamp.sequence;
                           });
  if (result != record->results.end() && result->sequence == stamp.sequence) {
    verdict.decision = ProducerDecision::kDuplicate;
    verdict.index = result->index;
    verdict.rests_on = LogIndex(0);
  } else if (stamp.sequence < record->stored_from) {
    verdict.decision = ProducerDecision::kUnknown;
  } else if (stamp.sequence <= record->stored_through) {
    verdict.decision = ProducerDecision::kSequenceStored;
    verdict.rests_on = LogIndex(0);
  }
  return verdict;
}

// --- checkpoints ---

std::vector<SideRow> ProducerFold::TakeCheckpoint(LogIndex committed) {
  KAPPA_CHECK(!checkpoint_under_way_, "one checkpoint at a time");
  std::vector<SideRow> rows;
  // A session that came back after its eviction has its row again below.
  for (const Uuid& id : evicted_) {
    rows.push_back({SideTable::kProducers,
                    ProducerRecordKey(replica_, ProducerKey{id, false}),
                    std::nullopt});
  }
  evicted_.clear();
  std::vector<std::pair<ProducerKey, Cached*>> changed;
  for (const auto& [key, cached] : records_) {
    if (cached->changed) changed.emplace_back(key, cached.get());
  }
  std::sort(changed.begin(), changed.end());
  for (const auto& [key, cached] : changed) {
    cached->changed = false;
    cached->written = true;
    rows.push_back({SideTable::kProducers, ProducerRecordKey(replica_, key),
                    EncodeProducerRecord(cached->record)});
  }
  changed_ = 0;
  rows.push_back(
      {SideTable::kProducers, ProducerCheckpointKey(replica_),
       EncodeProducerCheckpoint(
           {committed, sessions_.evicted_offset(), sessions_.size()})});
  checkpoint_under_way_ = true;
  next_checkpoint_ = committed;
  return rows;
}

void ProducerFold::OnCheckpointDurable() {
  if (!checkpoint_under_way_) return;
  checkpoint_under_way_ = false;
  durable_checkpoint_ = next_checkpoint_;
  for (const auto& [key, cached] : records_) cached->written = false;
  TrimCache();
}

}  // namespace kappa::storage
