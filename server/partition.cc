#include "server/partition.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"
#include "server/append_result.h"
#include "server/disk_state.h"
#include "server/errors.h"
#include "server/replica_repair.h"
#include "storage/node_mutant.h"

namespace kappa::server {
namespace {

using storage::EntryHeader;
using storage::ProducerDecision;
using storage::ProducerVerdict;

// Of what is in the log and not known to be committed.
absl::Status FateUnknown() {
  return MakeError(v1::ERROR_REASON_OUTCOME_UNKNOWN,
                   "the entry may or may not be committed");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Partition>> Partition::Open(
    const storage::ReplicaInfo& replica, const ShardServices* services) {
  absl::StatusOr<GroupLog> log =
      GroupLog::Recover(*services->store, replica, services->append_clock,
                        {.instance = services->instance,
                         .settings = services->core_settings,
                         .nodes = services->nodes,
                         .repair_budget = services->repair_budget,
                         .holds_notices = true});
  if (!log.ok()) return ReadErrorOf(log.status(), replica.spec.group);
  if (!log->damage_at_start().ok()) {
    services->report_damage(
        replica.spec.group, replica.number,
        ReadErrorOf(log->damage_at_start(), replica.spec.group));
  }
  return std::unique_ptr<Partition>(new Partition(*std::move(log), services));
}

Partition::Partition(GroupLog log, const ShardServices* services)
    : services_(services),
      log_(std::move(log)),
      producers_(log_.number(), services->store, log_.tail().last.index),
      reads_(services),
      answers_(services->counters) {
  log_.SetObserver(this);
  services_->counters->last_index.Add(log_.tail().last.index.value());
}

Partition::~Partition() {
  ShardCounters& counters = *services_->counters;
  counters.last_index.Subtract(log_.tail().last.index.value());
  counters.committed_index.Subtract(log_.committed_tail().last.index.value());
  counters.end_offset.Subtract(log_.committed_tail().end_offset.value());
  counters.waiters.Subtract(tail_waiters_.size());
  counters.uncommitted_entries.Subtract(log_.pending());
  if (!damage().ok()) counters.damaged_partitions.Subtract(1);
}

void Partition::Campaign() {
  if (!log_.sole_voter()) return;
  // It leads at once, but where learners must know of its vote first.
  log_.Campaign();
}

void Partition::OnAppended(const EntryHeader& header) {
  producers_.OnAppended(header);
  services_->counters->last_index.Add(1);
  services_->counters->uncommitted_entries.Add(1);
}

void Partition::OnTruncated(LogIndex from, uint64_t entries, uint64_t pending) {
  producers_.OnTruncated(from);
  services_->counters->last_index.Subtract(entries);
  services_->counters->uncommitted_entries.Subtract(pending);
}

ReadScope Partition::Scope() const {
  return {.replica = log_.number(),
          .group = log_.group(),
          .base = log_.base().id.index,
          .committed = log_.committed_tail().last.index,
          .end_offset = log_.committed_tail().end_offset};
}

// --- appending ---

void Partition::Append(AppendCommand command, PendingAppend append) {
  if (!closed_.ok()) return Refuse(std::move(append), closed_);
  if (!log_.leads()) {
    log_.Rouse();
    return Refuse(std::move(append), log_.NotLeader());
  }
  if (!damage().ok()) return Refuse(std::move(append), damage());
  if (AnswerKnownProducer(command, append)) return;
  if (services_->disk != nullptr) {
    absl::Status room = services_->disk->CheckAccepting();
    if (!room.ok()) return Refuse(std::move(append), std::move(room));
  }
  if (log_.LacksRoom()) return Refuse(std::move(append), VotersFull());
  if (RefuseUnexpectedOffset(command, append)) return;
  ProposeBatch(std::move(command), std::move(append));
}

bool Partition::AnswerKnownProducer(const AppendCommand& command,
                                    PendingAppend& append) {
  if (!command.producer.has_value()) return false;
  const v1::ProducerSequence& producer = *command.producer;
  std::optional<uint64_t> previous_sequence;
  if (producer.has_previous_sequence()) {
    previous_sequence = producer.previous_sequence();
  }
  absl::StatusOr<ProducerVerdict> verdict =
      producers_.Check(StampOf(producer), previous_sequence,
                       Offset(producer.session_start_offset()));
  if (!verdict.ok()) {
    const absl::Status error = ReadErrorOf(verdict.status(), group());
    if (absl::IsDataLoss(error)) StopFolding(verdict.status());
    Refuse(std::move(append), error);
    return true;
  }
  switch (verdict->decision) {
    case ProducerDecision::kAccept:
      return false;
    case ProducerDecision::kDuplicate:
      if (storage::active_node_mutant ==
              storage::NodeMutant::kSequencesForgottenByNewLeader &&
          verdict->index < log_.core().leader_term_start()) {
        return false;
      }
      AnswerDuplicate(command, verdict->index, std::move(append));
      return true;
    case ProducerDecision::kFenced:
    case ProducerDecision::kSequenceStored:
      answers_.AddRefusal(verdict->rests_on, std::move(append),
                          ProducerRefusal(*verdict, producer));
      return true;
    case ProducerDecision::kSequenceGap:
    case ProducerDecision::kUnknown:
      RefuseAfterTail(std::move(append), ProducerRefusal(*verdict, producer));
      return true;
  }
  return false;
}

void Partition::AnswerDuplicate(const AppendCommand& command, LogIndex index,
                                PendingAppend append) {
  const Digest sha256 = command.batch.payload_sha256;
  if (const EntryHeader* pending = log_.FindPending(index)) {
    absl::StatusOr<AppendResult> result = DuplicateResult(*pending, sha256);
    if (result.ok()) {
      answers_.AddResult(index, std::move(append), *result);
    } else {
      answers_.AddRefusal(index, std::move(append), result.status());
    }
    return;
  }
  if (index <= log_.committed_tail().last.index) {
    return AnswerStoredDuplicate(index, sha256, std::move(append));
  }
  // Of an earlier run, and not known to be committed yet.
  answers_.Add(index, [this, index, sha256, append = std::move(append)](
                          const absl::Status& status) mutable {
    if (!status.ok()) return append.Answer(FateUnknown());
    AnswerStoredDuplicate(index, sha256, std::move(append));
  });
}

void Partition::AnswerStoredDuplicate(LogIndex index, const Digest& sha256,
                                      PendingAppend append) {
  ShardCounters* const counters = services_->counters;
  reads_.ReadHeader(Scope(), index,
                    [counters, sha256, append = std::move(append)](
                        absl::StatusOr<EntryHeader> header) mutable {
                      // The batch is there: a failure to read it now must not
                      // be told as "did not happen".
                      absl::StatusOr<AppendResult> result =
                          header.ok() ? DuplicateResult(*header, sha256)
                                      : ResultUnreadable(header.status());
                      if (result.ok()) {
                        counters->duplicates.Add(1);
                      } else {
                        counters->refusals.Count(result.status());
                      }
                      append.Answer(std::move(result));
                    });
}

bool Partition::RefuseUnexpectedOffset(const AppendCommand& command,
                                       PendingAppend& append) {
  const Offset end = log_.tail().end_offset;
  if (!command.expected_offset.has_value() || *command.expected_offset == end) {
    return false;
  }
  RefuseAfterTail(std::move(append),
                  MakeError(v1::ERROR_REASON_EXPECTED_OFFSET_MISMATCH,
                            absl::StrCat("append at expected offset ",
                                         command.expected_offset->value(),
                                         ": the log ends at ", end.value()),
                            {{"end_offset", absl::StrCat(end.value())}}));
  return true;
}

void Partition::ProposeBatch(AppendCommand command, PendingAppend append) {
  EntryHeader draft = HeaderOf(command);
  absl::StatusOr<const EntryHeader*> header =
      log_.Propose(std::move(draft), std::move(command.batch.payload));
  if (!header.ok()) return Refuse(std::move(append), header.status());
  answers_.AddResult((*header)->index, std::move(append), ResultOf(**header));
}

void Partition::Refuse(PendingAppend append, absl::Status refusal) {
  services_->counters->refusals.Count(refusal);
  append.Answer(std::move(refusal));
}

void Partition::RefuseAfterTail(PendingAppend append, absl::Status refusal) {
  ShardCounters* const counters = services_->counters;
  AfterReadPoint(
      log_.tail().last.index,
      [counters, append = std::move(append),
       refusal = std::move(refusal)](const absl::Status& status) mutable {
        if (!status.ok()) refusal = status;
        counters->refusals.Count(refusal);
        append.Answer(std::move(refusal));
      });
}

void Partition::AfterReadPoint(LogIndex rests_on,
                               CommitQueue::Continuation then) {
  pending_reads_.push_back({log_.RequestRead(), rests_on, std::move(then)});
}

// --- progress ---

void Partition::Advance(WriteCycle* cycle) {
  GroupLog::Progress progress = log_.Collect(this, cycle);
  if (progress.committed) TakeCommitted();
  if (progress.lost_leadership || progress.truncated_from.has_value()) {
    FailOpen(progress);
  }
  AnswerReads(progress);
  transfers_.OnProgress(progress, log_);
  if (row_writes_in_flight_ == 0 && damage().ok() &&
      producers_.CheckpointDue(services_->clock->MonotonicUs())) {
    TakeProducerCheckpoint(cycle);
  }
  answers_.OnCommitted(log_.committed_tail().last.index);
  if (!progress.messages.empty()) services_->send(std::move(progress.messages));
  for (const LogRead& read : progress.reads) ReadLog(read);
  if (!unkept_damage_.ok()) KeepDamageIfCommitted();
  if (progress.repair_check.has_value()) {
    CheckRepairs(*std::move(progress.repair_check));
  }
  if (!progress.repaired.empty() || progress.truncated_from.has_value()) {
    ForgetRepaired(*services_, group(), log_.number(), progress.repaired);
    FollowRepairs();
  }
}

void Partition::FailOpen(const GroupLog::Progress& progress) {
  // An index that is committed now may have another entry than the one an
  // answer waits for.
  LogIndex sure = log_.committed_tail().last.index;
  if (progress.truncated_from.has_value()) {
    const LogIndex end = progress.truncated_from->Previous();
    sure = std::min(sure, end);
    // What a read rested on beyond that is gone.
    for (PendingRead& read : pending_reads_) {
      read.rests_on = std::min(read.rests_on, end);
    }
  }
  answers_.OnCommitted(sure);
  answers_.FailAll(log_.NotLeader());
}

std::optional<CommitQueue::Continuation> Partition::TakePendingRead(
    uint64_t id, LogIndex* rests_on) {
  const auto found =
      std::find_if(pending_reads_.begin(), pending_reads_.end(),
                   [id](const PendingRead& read) { return read.id == id; });
  if (found == pending_reads_.end()) return std::nullopt;
  CommitQueue::Continuation then = std::move(found->then);
  *rests_on = found->rests_on;
  pending_reads_.erase(found);
  return then;
}

void Partition::AnswerReads(const GroupLog::Progress& progress) {
  LogIndex rests_on;
  for (const raft::ReadConfirmed& read : progress.reads_confirmed) {
    auto then = TakePendingRead(read.id, &rests_on);
    if (!then.has_value()) continue;
    answers_.Add(std::max(read.index, rests_on), *std::move(then));
  }
  for (const uint64_t id : progress.reads_refused) {
    auto then = TakePendingRead(id, &rests_on);
    if (then.has_value()) (*then)(log_.NotLeader());
  }
}

void Partition::ReadLog(const LogRead& read) {
  using Entries = absl::StatusOr<std::vector<storage::StoredEntry>>;
  const auto tell = [](const ShardServices* services, GroupId group,
                       uint64_t id, Entries entries) {
    services->post_to_partition(
        group, [id, entries = std::move(entries)](Partition& self) mutable {
          self.log_.OnLogRead(id, std::move(entries));
        });
  };
  ReaderPool::Job job = [services = services_, group = group(),
                         number = log_.number(), read, tell] {
    Entries entries = services->store->Read(number, read.from, read.last,
                                            read.bytes_max, read.read_class);
    if (absl::IsDataLoss(entries.status())) {
      services->report_damage(group, number,
                              ReadErrorOf(entries.status(), group));
    }
    tell(services, group, read.id, std::move(entries));
  };
  if (services_->readers->Submit(read.read_class, job)) return;
  tell(services_, group(), read.id,
       absl::ResourceExhaustedError("too many reads are waiting"));
}

void Partition::TakeCommitted() {
  ShardCounters& counters = *services_->counters;
  const LogTail before = log_.committed_tail();
  uint64_t batches = 0;
  uint64_t entries = 0;
  uint64_t bytes = 0;
  if (log_.SkipRestored()) newest_batch_time_us_.reset();
  while (std::optional<storage::StoredEntry> entry = log_.PopCommitted()) {
    ++entries;
    if (!raft::UsesOffsets(entry->header.kind)) continue;
    ++batches;
    bytes += entry->header.payload_bytes;
    counters.append_records.Add(entry->header.record_count);
    newest_batch_time_us_ = entry->header.append_time_us;
    reads_.OnCommitted(*std::move(entry));
  }
  const LogTail& now = log_.committed_tail();
  counters.appends.Add(batches);
  counters.append_bytes.Add(bytes);
  counters.uncommitted_entries.Subtract(entries);
  counters.committed_index.Add(now.last.index - before.last.index);
  counters.end_offset.Add(now.end_offset - before.end_offset);
  const absl::Status folded =
      producers_.OnCommitted(now.last.index, services_->clock->MonotonicUs());
  if (absl::IsDataLoss(folded)) StopFolding(folded);
  if (tail_waiters_.size() > 0) {
    const size_t waiting = tail_waiters_.size();
    tail_waiters_.Wake(now.end_offset);
    counters.waiters.Subtract(waiting - tail_waiters_.size());
  }
}

void Partition::TakeProducerCheckpoint(WriteCycle* cycle) {
  absl::StatusOr<std::vector<storage::SideRow>> rows =
      producers_.TakeCheckpoint();
  if (absl::IsDataLoss(rows.status())) StopFolding(rows.status());
  if (!rows.ok()) return;  // else it is still due
  storage::GroupWrite write;
  write.replica = log_.number();
  write.side_rows = *std::move(rows);
  cycle->writes.push_back(std::move(write));
  cycle->in_flight.push_back({this, std::nullopt});
  ++row_writes_in_flight_;
}

void Partition::OnDurable(const WriteInFlight& write) {
  if (write.token.has_value()) {
    log_.OnDurable(*write.token);
  } else {
    --row_writes_in_flight_;
    producers_.OnCheckpointDurable();
  }
}

bool Partition::idle() const {
  return answers_.empty() && pending_reads_.empty() && !log_.writing() &&
         row_writes_in_flight_ == 0;
}

void Partition::Abandon(const absl::Status& status) {
  Close(status);
  answers_.FailAll(status);
  transfers_.FailAll(status);
  std::vector<PendingRead> reads = std::move(pending_reads_);
  pending_reads_.clear();
  for (PendingRead& read : reads) read.then(status);
}

void Partition::Close(absl::Status status) {
  if (closed_.ok()) closed_ = status;
  transfers_.FailAll(status);
  services_->counters->waiters.Subtract(tail_waiters_.size());
  tail_waiters_.FailAll(status);
}

// --- reading ---

void Partition::GetEnd(v1::Consistency consistency,
                       Node::Callback<PartitionEnd> done) {
  if (!closed_.ok()) return done(closed_);
  // What was committed stays so, whoever leads now.
  if (consistency == v1::CONSISTENCY_COMMITTED && log_.knows_committed()) {
    return AnswerEnd(std::move(done));
  }
  AfterReadPoint(LogIndex(), [this, done = std::move(done)](
                                 const absl::Status& status) mutable {
    if (!status.ok()) return done(status);
    AnswerEnd(std::move(done));
  });
}

void Partition::AnswerEnd(Node::Callback<PartitionEnd> done) {
  const LogTail& tail = log_.committed_tail();
  PartitionEnd end{
      .first_offset = log_.base().offset,
      .end_offset = tail.end_offset,
      .chain = tail.chain,
      .settled_time_us = log_.SettleAppendTime(),
      .leadership = log_.leads() ? absl::OkStatus() : log_.NotLeader()};
  if (end.end_offset == end.first_offset) newest_batch_time_us_ = 0;
  if (newest_batch_time_us_.has_value()) {
    end.last_append_time_us = *newest_batch_time_us_;
    return done(end);
  }
  reads_.ReadNewestHeader(Scope(),
                          [end, done = std::move(done)](
                              absl::StatusOr<EntryHeader> header) mutable {
                            if (!header.ok()) return done(header.status());
                            end.last_append_time_us = header->append_time_us;
                            done(end);
                          });
}

void Partition::FindTime(int64_t time_us, Node::Callback<Offset> done) {
  if (!closed_.ok()) return done(closed_);
  AfterReadPoint(LogIndex(), [this, time_us, done = std::move(done)](
                                 const absl::Status& status) mutable {
    if (!status.ok()) return done(status);
    reads_.FindTime(Scope(), time_us, std::move(done));
  });
}

void Partition::Read(ReadCommand command, Node::Callback<ReadChunk> done) {
  if (!closed_.ok()) return done(closed_);
  if (log_.knows_committed() &&
      command.from <= log_.committed_tail().end_offset) {
    return reads_.Read(Scope(), log_.base().offset, std::move(command),
                       std::move(done));
  }
  AfterReadPoint(log_.tail().last.index,
                 [this, command = std::move(command),
                  done = std::move(done)](const absl::Status& status) mutable {
                   if (!status.ok()) return done(status);
                   const Offset end = log_.committed_tail().end_offset;
                   if (command.from > end) {
                     return done(MakeError(
                         v1::ERROR_REASON_OFFSET_OUT_OF_RANGE,
                         absl::StrCat("read at offset ", command.from.value(),
                                      ": the log ends at ", end.value()),
                         {{"end_offset", absl::StrCat(end.value())}}));
                   }
                   reads_.Read(Scope(), log_.base().offset, std::move(command),
                               std::move(done));
                 });
}

void Partition::WaitForEnd(uint64_t token, Offset offset,
                           Node::Callback<Offset> done) {
  if (!closed_.ok()) return done(closed_);
  const Offset end = log_.committed_tail().end_offset;
  if (offset < end) return done(end);
  tail_waiters_.Add(token, offset, std::move(done));
  services_->counters->waiters.Add(1);
}

void Partition::CancelWait(uint64_t token) {
  const size_t before = tail_waiters_.size();
  tail_waiters_.Cancel(token);
  services_->counters->waiters.Subtract(before - tail_waiters_.size());
}

// --- producers ---

void Partition::Fence(const Uuid& producer, uint64_t epoch, uint32_t partition,
                      Node::Callback<v1::ProducerPosition> done) {
  if (!closed_.ok()) return done(closed_);
  if (!log_.leads()) {
    log_.Rouse();
    return done(log_.NotLeader());
  }
  if (!damage().ok()) return done(damage());
  if (log_.LacksRoom()) return done(VotersFull());
  const storage::ProducerStamp stamp{producer, epoch, 1};
  absl::StatusOr<ProducerVerdict> verdict =
      producers_.Check(stamp, std::nullopt, Offset());
  if (!verdict.ok()) return done(ReadErrorOf(verdict.status(), group()));
  if (verdict->decision == ProducerDecision::kFenced) {
    const absl::Status fenced = FencedError(verdict->epoch, epoch);
    return answers_.Add(
        verdict->rests_on,
        [fenced, done = std::move(done)](const absl::Status& status) mutable {
          done(status.ok() ? fenced : status);
        });
  }
  EntryHeader header;
  header.kind = raft::EntryKind::kProducerFence;
  header.producer = {producer, epoch, 0};
  absl::StatusOr<const EntryHeader*> placed =
      log_.Propose(std::move(header), Payload());
  if (!placed.ok()) return done(placed.status());
  answers_.Add((*placed)->index,
               [this, producer, partition,
                done = std::move(done)](const absl::Status& status) mutable {
                 if (!status.ok()) return done(FateUnknown());
                 done(PositionOf(producer, partition));
               });
}

void Partition::LookUpProducer(const Uuid& producer, uint32_t partition,
                               Node::Callback<v1::ProducerPosition> done) {
  if (!closed_.ok()) return done(closed_);
  AfterReadPoint(LogIndex(),
                 [this, producer, partition,
                  done = std::move(done)](const absl::Status& status) mutable {
                   if (!status.ok()) return done(status);
                   done(PositionOf(producer, partition));
                 });
}

absl::StatusOr<v1::ProducerPosition> Partition::PositionOf(const Uuid& producer,
                                                           uint32_t partition) {
  absl::StatusOr<std::optional<storage::ProducerView>> view =
      producers_.Lookup(producer);
  if (!view.ok()) return ReadErrorOf(view.status(), group());
  v1::ProducerPosition position;
  position.set_partition(partition);
  if (!view->has_value()) return position;
  position.set_last_sequence((*view)->last_sequence);
  position.set_epoch((*view)->epoch);
  if ((*view)->state.has_value()) position.set_state(*(*view)->state);
  return position;
}

}  // namespace kappa::server
