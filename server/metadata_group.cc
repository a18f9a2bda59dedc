#include "server/metadata_group.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/sha256.h"
#include "server/disk_state.h"
#include "server/errors.h"
#include "server/log_reader.h"
#include "server/logging.h"
#include "server/reader_pool.h"
#include "server/replica_repair.h"

namespace kappa::server {
namespace {

using storage::EntryHeader;
using storage::v1::MetadataCommand;

constexpr size_t kCommandsMax = 1024;
constexpr size_t kReadsMax = 4096;

EntryHeader HeaderOf(const std::string& payload) {
  EntryHeader header;
  header.kind = raft::EntryKind::kRecords;
  header.encoding = storage::PayloadEncoding::kCommand;
  header.record_count = 1;
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.payload_crc32c = Crc32c(std::string_view(payload));
  header.payload_sha256 = Sha256(std::string_view(payload));
  return header;
}

absl::Status Overloaded(std::string_view what) {
  return MakeError(v1::ERROR_REASON_OVERLOADED, what,
                   {{"retry_after_ms", "100"}});
}

absl::Status FateUnknown() {
  return MakeError(v1::ERROR_REASON_OUTCOME_UNKNOWN,
                   "the command was accepted and may or may not be committed");
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetadataGroup>> MetadataGroup::Open(
    const storage::ReplicaInfo& replica, const ShardServices* services,
    storage::v1::FormClusterCommand formation) {
  absl::StatusOr<GroupLog> log =
      GroupLog::Recover(*services->store, replica, services->append_clock,
                        {.instance = services->instance,
                         .settings = services->core_settings,
                         .nodes = services->nodes,
                         .repair_budget = services->repair_budget});
  if (!log.ok()) return log.status();
  absl::StatusOr<MetadataState> state = MetadataState::Load(*services->store);
  if (!state.ok()) return state.status();
  if (state->applied() > log->tail().last.index) {
    return absl::DataLossError(absl::StrCat(
        "metadata commands are applied up to index ", state->applied().value(),
        ", but the metadata log ends at ", log->tail().last.index.value()));
  }
  return std::unique_ptr<MetadataGroup>(new MetadataGroup(
      *std::move(log), *std::move(state), services, std::move(formation)));
}

MetadataGroup::MetadataGroup(GroupLog log, MetadataState state,
                             const ShardServices* services,
                             storage::v1::FormClusterCommand formation)
    : services_(services),
      formation_(std::move(formation)),
      log_(std::move(log)),
      state_(std::move(state)),
      answers_(services->counters),
      awaits_effects_(!sole_voter()) {}

void MetadataGroup::Campaign(
    absl::AnyInvocable<void(const absl::Status&)> ready) {
  if (!log_.damage_at_start().ok()) {
    services_->report_damage(
        kMetadataGroup, log_.number(),
        ReadErrorOf(log_.damage_at_start(), kMetadataGroup));
  }
  if (sole_voter()) {
    ready_ = std::move(ready);
    log_.Campaign();
  } else {
    ready(absl::OkStatus());
  }
}

void MetadataGroup::StopDamaged(absl::Status status) {
  LogError("the metadata log is damaged", {{"error", status.ToString()}});
  log_.SetUnfit(true);
}

void MetadataGroup::SetEffects(Effects effects) {
  effects_ = std::move(effects);
  awaits_effects_ = false;
  services_->post(this, [] {});
}

void MetadataGroup::SetNodesChanged(NodesChanged nodes_changed) {
  nodes_changed_ = std::move(nodes_changed);
  nodes_changed_(state_.nodes());
}

// --- commands ---

void MetadataGroup::Execute(MetadataCommand command, Done done) {
  if (!stopped_.ok()) return done(stopped_);
  if (!log_.leads()) {
    log_.Rouse();
    return done(log_.NotLeader());
  }
  // What makes room is not refused: it waits in the log of the leader until
  // most voters have room for it again, and then makes more.
  if (!command.has_delete_topic() && log_.LacksRoom()) {
    return done(VotersFull());
  }
  if (commands_.size() + opens_waiting_ + early_.size() >= kCommandsMax) {
    return done(Overloaded("too many metadata commands are waiting"));
  }
  if (!accepting()) {
    early_.push_back({std::move(command), std::move(done)});
    return;
  }
  std::optional<CommandOutcome> outcome = OutcomeWithoutChange(command);
  if (!outcome.has_value()) return Accept(std::move(command), std::move(done));
  if (sole_voter()) return done(*std::move(outcome));
  AnswerUnchanged(std::move(command), std::move(done));
}

std::optional<CommandOutcome> MetadataGroup::OutcomeWithoutChange(
    const MetadataCommand& command) const {
  if (!commands_.empty() || !effects_running_.empty()) return std::nullopt;
  return state_.OutcomeWithoutChange(command);
}

void MetadataGroup::AnswerUnchanged(MetadataCommand command, Done done) {
  AfterReadPoint([this, command = std::move(command),
                  done = std::move(done)](const absl::Status& status) mutable {
    if (!status.ok()) return done(status);
    if (!accepting()) return done(log_.NotLeader());
    std::optional<CommandOutcome> outcome = OutcomeWithoutChange(command);
    if (outcome.has_value()) return done(*std::move(outcome));
    Accept(std::move(command), std::move(done));
  });
}

void MetadataGroup::Accept(MetadataCommand command, Done done) {
  if (state_.TryPrepare(command)) {
    Propose(std::move(command), std::move(done));
  } else {
    ProposeAfterRead(std::move(command), std::move(done));
  }
}

void MetadataGroup::Propose(MetadataCommand command, Done done) {
  std::string payload = command.SerializeAsString();
  EntryHeader draft = HeaderOf(payload);
  absl::StatusOr<const EntryHeader*> header =
      log_.Propose(std::move(draft), Payload::FromString(std::move(payload)));
  AdvanceAgain();
  if (!header.ok()) {
    state_.Abandon(command);
    if (done) done(header.status());
    return;
  }
  commands_.PushBack({{(*header)->term, (*header)->index},
                      std::move(command),
                      std::move(done)});
}

void MetadataGroup::ProposeAfterRead(MetadataCommand command, Done done) {
  const std::string name = command.open_producer().name();
  WaitingOpens& waiting = opens_[name];
  waiting.commands.push_back({std::move(command), std::move(done)});
  ++opens_waiting_;
  if (waiting.commands.size() > 1) return;
  const std::optional<uint64_t> read = ReadProducer(
      name, [this, name](absl::StatusOr<std::optional<NamedProducer>> row) {
        ProposeOpens(name, std::move(row));
      });
  // When there was no room for the read, nobody waits any more.
  if (read.has_value()) waiting.read = *read;
}

void MetadataGroup::ProposeOpens(
    const std::string& name, absl::StatusOr<std::optional<NamedProducer>> row) {
  auto waiting = opens_.extract(name);
  opens_waiting_ -= waiting.mapped().commands.size();
  for (WaitingCommand& open : waiting.mapped().commands) {
    if (row.ok()) {
      state_.Prepare(open.command, *row);
      Propose(std::move(open.command), std::move(open.done));
    } else {
      open.done(row.status());
    }
  }
}

void MetadataGroup::BeginAccepting() {
  if (accepting() || !log_.own_term_committed() || !stopped_.ok() ||
      state_.applied() < log_.committed_tail().last.index) {
    return;
  }
  accepting_in_ = log_.term();
  if (ready_) std::exchange(ready_, nullptr)(absl::OkStatus());
  if (!state_.formed() && !formation_.cluster_id().empty()) {
    MetadataCommand command;
    *command.mutable_form_cluster() = formation_;
    Accept(std::move(command), nullptr);
  }
  std::deque<WaitingCommand> early = std::exchange(early_, {});
  for (WaitingCommand& waiting : early) {
    Execute(std::move(waiting.command), std::move(waiting.done));
  }
}

// --- reads ---

void MetadataGroup::FindProducer(const std::string& name, FoundProducer done) {
  const std::optional<NamedProducer>* held = state_.producers().FindHeld(name);
  if (held != nullptr) return done(*held);
  ReadProducer(name, std::move(done));
}

std::optional<uint64_t> MetadataGroup::ReadProducer(const std::string& name,
                                                    FoundProducer done) {
  const uint64_t id = next_read_++;
  // The group may be gone when the row is read; the shard tells.
  ReaderPool::Job job = [this, services = services_, id, name] {
    auto row = ReadNamedProducer(*services->store, name);
    services->post(this, [this, id, row = std::move(row)]() mutable {
      FinishRead(id, std::move(row));
    });
  };
  if (!services_->readers->Submit(storage::ReadClass::kPoint, job)) {
    done(Overloaded("too many reads are waiting"));
    return std::nullopt;
  }
  producer_reads_[id] = std::move(done);
  return id;
}

void MetadataGroup::FinishRead(
    uint64_t id, absl::StatusOr<std::optional<NamedProducer>> row) {
  auto read = producer_reads_.extract(id);
  if (read.empty()) return;  // nobody wants it any more
  if (!row.ok()) row = ReadErrorOf(row.status(), kMetadataGroup);
  read.mapped()(std::move(row));
}

void MetadataGroup::AfterReadPoint(CommitQueue::Continuation then) {
  if (!stopped_.ok()) return then(stopped_);
  if (pending_reads_.size() >= kReadsMax) {
    return then(Overloaded("too many reads of metadata are waiting"));
  }
  pending_reads_.push_back({log_.RequestRead(), std::move(then)});
  AdvanceAgain();
}

void MetadataGroup::ForgetPendingDrop(std::string_view topic_uuid) {
  state_.ForgetPendingDrop(topic_uuid, &rows_);
}

// --- progress ---

void MetadataGroup::AdvanceAgain() { advance_again_ = advancing_; }

void MetadataGroup::Advance(WriteCycle* cycle) {
  advancing_ = true;
  advance_again_ = false;
  GroupLog::Progress progress = log_.Collect(this, cycle);
  if (progress.committed) TakeCommitted();
  ApplyCommitted();
  if (progress.lost_leadership || progress.truncated_from.has_value()) {
    FailOpen();
  }
  BeginAccepting();
  AnswerReads(progress);
  transfers_.OnProgress(progress, log_);
  WriteRows(cycle);
  services_->counters->metadata_applied.Set(state_.applied().value());
  services_->counters->named_producers.Set(state_.producers().size());
  answers_.OnCommitted(state_.applied());
  if (!progress.messages.empty()) services_->send(std::move(progress.messages));
  for (const LogRead& read : progress.reads) ReadLog(read);
  TakeRepairs(&progress);
  advancing_ = false;
  if (advance_again_) services_->post(this, [] {});
}

void MetadataGroup::TakeRepairs(GroupLog::Progress* progress) {
  if (progress->repair_check.has_value()) {
    const uint64_t id = progress->repair_check->id;
    RunRepairCheck(*services_, kMetadataGroup, log_.number(),
                   *std::move(progress->repair_check),
                   [this, services = services_, id](std::vector<bool> proven) {
                     services->post(this,
                                    [this, id, proven = std::move(proven)] {
                                      log_.OnRepairsChecked(id, proven);
                                    });
                   });
  }
  if (progress->repaired.empty() && !progress->truncated_from.has_value()) {
    return;
  }
  ForgetRepaired(*services_, kMetadataGroup, log_.number(), progress->repaired);
  if (!log_.repairing()) log_.SetUnfit(false);
}

void MetadataGroup::AnswerReads(const GroupLog::Progress& progress) {
  const auto take = [this](uint64_t id) {
    CommitQueue::Continuation then;
    const auto found = std::find_if(
        pending_reads_.begin(), pending_reads_.end(),
        [id](const PendingRead& pending) { return pending.id == id; });
    if (found == pending_reads_.end()) return then;
    then = std::move(found->then);
    pending_reads_.erase(found);
    return then;
  };
  for (const raft::ReadConfirmed& read : progress.reads_confirmed) {
    CommitQueue::Continuation then = take(read.id);
    if (then) answers_.Add(read.index, std::move(then));
  }
  for (const uint64_t id : progress.reads_refused) {
    CommitQueue::Continuation then = take(id);
    if (then) then(log_.NotLeader());
  }
}

void MetadataGroup::ReadLog(const LogRead& read) {
  using Entries = absl::StatusOr<std::vector<storage::StoredEntry>>;
  const auto tell = [this, services = services_,
                     id = read.id](Entries entries) {
    services->post(this, [this, id, entries = std::move(entries)]() mutable {
      log_.OnLogRead(id, std::move(entries));
    });
  };
  ReaderPool::Job job = [services = services_, number = log_.number(), read,
                         tell] {
    Entries entries = services->store->Read(number, read.from, read.last,
                                            read.bytes_max, read.read_class);
    if (absl::IsDataLoss(entries.status())) {
      services->report_damage(kMetadataGroup, number,
                              ReadErrorOf(entries.status(), kMetadataGroup));
    }
    tell(std::move(entries));
  };
  if (services_->readers->Submit(read.read_class, job)) return;
  tell(absl::ResourceExhaustedError("too many reads are waiting"));
}

void MetadataGroup::FailOpen() {
  while (!commands_.empty() &&
         !(log_.leads() && commands_.front().id.term == log_.term())) {
    PendingCommand pending = commands_.PopFront();
    state_.Abandon(pending.command);
    if (pending.done) pending.done(FateUnknown());
  }
  if (!accepting()) FailWaiting(log_.NotLeader());
}

void MetadataGroup::FailWaiting(const absl::Status& status) {
  std::map<std::string, WaitingOpens> opens = std::exchange(opens_, {});
  opens_waiting_ = 0;
  for (auto& [name, waiting] : opens) {
    producer_reads_.erase(waiting.read);
    for (WaitingCommand& open : waiting.commands) open.done(status);
  }
  std::deque<WaitingCommand> early = std::exchange(early_, {});
  for (WaitingCommand& waiting : early) waiting.done(status);
}

void MetadataGroup::WriteRows(WriteCycle* cycle) {
  if (rows_.empty()) return;
  storage::GroupWrite write;
  write.replica = log_.number();
  write.side_rows = std::exchange(rows_, {});
  cycle->writes.push_back(std::move(write));
  cycle->in_flight.push_back({this, std::nullopt});
  row_writes_in_flight_.push_back(state_.producers().changes());
}

void MetadataGroup::OnDurable(const WriteInFlight& write) {
  if (write.token.has_value()) {
    log_.OnDurable(*write.token);
  } else {
    state_.OnProducersDurable(row_writes_in_flight_.front());
    row_writes_in_flight_.pop_front();
  }
}

bool MetadataGroup::idle() const {
  return commands_.empty() && early_.empty() && answers_.empty() &&
         pending_reads_.empty() && rows_.empty() && !log_.writing() &&
         row_writes_in_flight_.empty() && effects_running_.empty() &&
         producer_reads_.empty();
}

void MetadataGroup::Abandon(const absl::Status& status) {
  FailWaiting(status);
  transfers_.FailAll(status);
  std::map<uint64_t, FoundProducer> row_reads =
      std::exchange(producer_reads_, {});
  for (auto& [id, done] : row_reads) done(status);
  while (!commands_.empty()) {
    PendingCommand pending = commands_.PopFront();
    state_.Abandon(pending.command);
    if (pending.done) pending.done(FateUnknown());
  }
  std::map<uint64_t, RunningEffect> effects =
      std::exchange(effects_running_, {});
  for (auto& [id, effect] : effects) {
    if (!effect.done) continue;
    effect.done(MakeError(v1::ERROR_REASON_OUTCOME_UNKNOWN,
                          "the command is committed and takes effect once the "
                          "node runs again"));
  }
  answers_.FailAll(status);
  std::vector<PendingRead> reads = std::exchange(pending_reads_, {});
  for (PendingRead& read : reads) read.then(status);
}

}  // namespace kappa::server
