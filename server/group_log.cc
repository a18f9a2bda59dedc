#include "server/group_log.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

raft::CoreOptions CoreOptionsOf(const storage::ReplicaSpec& spec) {
  raft::CoreOptions options;
  options.self = spec.self;
  options.group = spec.group;
  options.random_seed = spec.group.value();
  return options;
}

raft::RestoredState RestoredStateOf(const storage::ReplicaPosition& position,
                                    std::vector<raft::EntryId> term_starts) {
  raft::RestoredState restored;
  restored.hard_state = position.hard_state;
  restored.base = position.base;
  restored.last = position.last;
  restored.term_starts = std::move(term_starts);
  return restored;
}

absl::Status RefusalOf(const absl::Status& core_status) {
  if (absl::IsResourceExhausted(core_status)) {
    return MakeError(v1::ERROR_REASON_OVERLOADED, ToStd(core_status.message()),
                     {{"retry_after_ms", "20"}});
  }
  return MakeError(v1::ERROR_REASON_NOT_LEADER, ToStd(core_status.message()));
}

}  // namespace

absl::StatusOr<GroupLog> GroupLog::Recover(const storage::LogStore& store,
                                           const storage::ReplicaInfo& replica,
                                           const AppendClock* clock) {
  absl::StatusOr<storage::ReplicaPosition> position =
      store.Position(replica.number);
  if (!position.ok()) return position.status();
  absl::StatusOr<std::vector<raft::EntryId>> term_starts =
      store.TermStarts(replica.number);
  if (!term_starts.ok()) return term_starts.status();
  return GroupLog(replica, *std::move(position), *std::move(term_starts),
                  clock);
}

GroupLog::GroupLog(const storage::ReplicaInfo& replica,
                   storage::ReplicaPosition position,
                   std::vector<raft::EntryId> term_starts,
                   const AppendClock* clock)
    : group_(replica.spec.group),
      number_(replica.number),
      clock_(clock),
      base_(position.base),
      core_(CoreOptionsOf(replica.spec),
            RestoredStateOf(position, std::move(term_starts))),
      written_hard_state_(position.hard_state),
      tail_(LogTail::Of(position)) {
  committed_tail_ = {.last = base_.id,
                     .end_offset = base_.offset,
                     .chain = base_.chain,
                     .last_append_time_us = base_.append_time_us};
}

void GroupLog::Campaign() {
  core_.Campaign();
  if (leads()) PlaceNoOp();
}

void GroupLog::PlaceNoOp() {
  if (core_.last().index == tail_.last.index) return;
  storage::EntryHeader header;
  header.kind = raft::EntryKind::kNoOp;
  tail_ = PlaceAfter(tail_, core_.last(), *clock_, &header);
  pending_.PushBack({std::move(header), Payload()});
}

absl::StatusOr<const storage::EntryHeader*> GroupLog::Propose(
    storage::EntryHeader header, Payload payload) {
  absl::StatusOr<raft::EntryId> id =
      core_.Propose(header.kind, header.record_count, payload.bytes(),
                    raft::EntryHandle{tail_.last.index.value() + 1});
  if (!id.ok()) return RefusalOf(id.status());
  tail_ = PlaceAfter(tail_, *id, *clock_, &header);
  return &pending_.PushBack({std::move(header), std::move(payload)}).header;
}

int64_t GroupLog::SettleAppendTime() {
  // Entries under way may have any time since the last committed one.
  if (!leads() || tail_.last.index != committed_tail_.last.index) {
    return committed_tail_.last_append_time_us;
  }
  tail_.last_append_time_us =
      std::max(tail_.last_append_time_us, clock_->PassedUs());
  return tail_.last_append_time_us;
}

uint64_t GroupLog::RequestRead() {
  core_.OnReadRequested(++last_read_id_);
  return last_read_id_;
}

storage::GroupWrite GroupLog::WriteFor(const raft::Persist& persist) {
  KAPPA_CHECK(!persist.install_base.has_value() &&
                  !persist.truncate_from.has_value() &&
                  persist.messages_after.empty(),
              "a group of one voter overwrites nothing and tells nobody");
  storage::GroupWrite write;
  write.replica = number_;
  write.entries.reserve(persist.entries.size());
  for (const raft::EntryMeta& meta : persist.entries) {
    const size_t i = meta.id.index - pending_.front().header.index;
    const storage::StoredEntry& entry = pending_[i];
    KAPPA_CHECK(entry.header.term == meta.id.term, "not the entry proposed");
    write.entries.push_back({entry.header, entry.payload});
  }
  if (persist.hard_state != written_hard_state_) {
    write.hard_state = written_hard_state_ = persist.hard_state;
  }
  return write;
}

GroupLog::Progress GroupLog::Collect(ShardGroup* owner, WriteCycle* cycle) {
  Progress progress;
  if (!core_.HasOutput()) return progress;
  raft::Output output = core_.TakeOutput();
  KAPPA_CHECK(output.messages.empty(), "a group of one voter has no peers");
  for (const raft::Persist& persist : output.persists) {
    cycle->writes.push_back(WriteFor(persist));
    cycle->in_flight.push_back({owner, persist.token});
    ++writes_in_flight_;
  }
  progress.committed = output.committed.has_value();
  progress.reads_confirmed = std::move(output.reads_confirmed);
  progress.reads_refused = std::move(output.reads_refused);
  return progress;
}

void GroupLog::OnDurable(const raft::PersistToken& token) {
  KAPPA_CHECK(writes_in_flight_ > 0, "no write is in flight");
  --writes_in_flight_;
  core_.OnPersisted(token);
}

std::optional<storage::StoredEntry> GroupLog::PopCommitted() {
  if (pending_.empty() || pending_.front().header.index > core_.committed()) {
    return std::nullopt;
  }
  storage::StoredEntry entry = pending_.PopFront();
  committed_tail_ = LogTail::Of(entry.header);
  return entry;
}

bool GroupLog::own_term_committed() const {
  const LogIndex start = core_.leader_term_start();
  return start != LogIndex() && committed_tail_.last.index >= start;
}

const storage::EntryHeader* GroupLog::FindPending(LogIndex index) const {
  if (pending_.empty() || index < pending_.front().header.index ||
      index > pending_.back().header.index) {
    return nullptr;
  }
  return &pending_[index - pending_.front().header.index].header;
}

}  // namespace kappa::server
