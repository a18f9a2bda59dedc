#include "server/metadata_group.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/sha256.h"
#include "server/errors.h"
#include "server/log_reader.h"
#include "server/reader_pool.h"

namespace kappa::server {
namespace {

using storage::EntryHeader;
using storage::StoredEntry;
using storage::v1::MetadataCommand;

constexpr size_t kCommandsMax = 1024;
constexpr size_t kCatchUpBytes = 1 << 20;

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

}  // namespace

absl::StatusOr<std::unique_ptr<MetadataGroup>> MetadataGroup::Open(
    const storage::ReplicaInfo& replica, const ShardServices* services) {
  absl::StatusOr<GroupLog> log =
      GroupLog::Recover(*services->store, replica, services->append_clock);
  if (!log.ok()) return log.status();
  absl::StatusOr<MetadataState> state = MetadataState::Load(*services->store);
  if (!state.ok()) return state.status();
  if (state->applied() > log->tail().last.index) {
    return absl::DataLossError(absl::StrCat(
        "metadata commands are applied up to index ", state->applied().value(),
        ", but the metadata log ends at ", log->tail().last.index.value()));
  }
  return std::unique_ptr<MetadataGroup>(
      new MetadataGroup(*std::move(log), *std::move(state), services));
}

MetadataGroup::MetadataGroup(GroupLog log, MetadataState state,
                             const ShardServices* services)
    : services_(services),
      log_(std::move(log)),
      state_(std::move(state)),
      answers_(services->counters) {}

void MetadataGroup::Campaign(
    absl::AnyInvocable<void(const absl::Status&)> ready) {
  ready_ = std::move(ready);
  log_.Campaign();
}

void MetadataGroup::Execute(MetadataCommand command, Done done) {
  if (commands_.size() + opens_waiting_ >= kCommandsMax) {
    return done(MakeError(v1::ERROR_REASON_OVERLOADED,
                          "too many metadata commands are waiting",
                          {{"retry_after_ms", "100"}}));
  }
  if (commands_.empty() && effects_running_.empty() &&
      log_.own_term_committed()) {
    std::optional<CommandOutcome> outcome =
        state_.OutcomeWithoutChange(command);
    if (outcome.has_value()) return done(*std::move(outcome));
  }
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
  if (!header.ok()) {
    state_.Abandon(command);
    return done(header.status());
  }
  commands_.PushBack({(*header)->index, std::move(command), std::move(done)});
}

void MetadataGroup::ProposeAfterRead(MetadataCommand command, Done done) {
  const std::string name = command.open_producer().name();
  std::vector<PendingOpen>& waiting = opens_[name];
  waiting.push_back({std::move(command), std::move(done)});
  ++opens_waiting_;
  if (waiting.size() > 1) return;
  ReadProducer(name,
               [this, name](absl::StatusOr<std::optional<NamedProducer>> row) {
                 ProposeOpens(name, std::move(row));
               });
}

void MetadataGroup::ProposeOpens(
    const std::string& name, absl::StatusOr<std::optional<NamedProducer>> row) {
  auto waiting = opens_.extract(name);
  opens_waiting_ -= waiting.mapped().size();
  for (PendingOpen& open : waiting.mapped()) {
    if (row.ok()) {
      state_.Prepare(open.command, *row);
      Propose(std::move(open.command), std::move(open.done));
    } else {
      open.done(row.status());
    }
  }
}

void MetadataGroup::FindProducer(const std::string& name, FoundProducer done) {
  const std::optional<NamedProducer>* held = state_.producers().FindHeld(name);
  if (held != nullptr) return done(*held);
  ReadProducer(name, std::move(done));
}

void MetadataGroup::ReadProducer(const std::string& name, FoundProducer done) {
  const uint64_t id = next_read_++;
  // The group may be gone when the row is read; the shard tells.
  ReaderPool::Job job = [this, services = services_, id, name] {
    auto row = ReadNamedProducer(*services->store, name);
    services->post(this, [this, id, row = std::move(row)]() mutable {
      FinishRead(id, std::move(row));
    });
  };
  if (!services_->readers->Submit(storage::ReadClass::kPoint, job)) {
    return done(MakeError(v1::ERROR_REASON_OVERLOADED,
                          "too many reads are waiting",
                          {{"retry_after_ms", "100"}}));
  }
  producer_reads_[id] = std::move(done);
}

void MetadataGroup::FinishRead(
    uint64_t id, absl::StatusOr<std::optional<NamedProducer>> row) {
  if (!row.ok()) row = ReadErrorOf(row.status(), kMetadataGroup);
  producer_reads_.extract(id).mapped()(std::move(row));
}

void MetadataGroup::AfterReadPoint(CommitQueue::Continuation then) {
  pending_reads_.push_back({log_.RequestRead(), std::move(then)});
}

void MetadataGroup::ForgetPendingDrop(std::string_view topic_uuid) {
  state_.ForgetPendingDrop(topic_uuid, &rows_);
}

void MetadataGroup::Advance(WriteCycle* cycle) {
  GroupLog::Progress progress = log_.Collect(this, cycle);
  if (progress.committed) TakeCommitted();
  ConfirmReads(progress.reads_confirmed);
  KAPPA_CHECK(progress.reads_refused.empty() && progress.messages.empty() &&
                  progress.reads.empty() && !progress.lost_leadership,
              "a single voter has no peers and never loses leadership");
  WriteRows(cycle);
  services_->counters->metadata_applied.Set(state_.applied().value());
  services_->counters->named_producers.Set(state_.producers().size());
  answers_.OnCommitted(state_.applied());
}

void MetadataGroup::ConfirmReads(
    const std::vector<raft::ReadConfirmed>& reads) {
  for (const raft::ReadConfirmed& read : reads) {
    for (size_t i = 0; i < pending_reads_.size(); ++i) {
      if (pending_reads_[i].id != read.id) continue;
      answers_.Add(read.index, std::move(pending_reads_[i].then));
      pending_reads_.erase(pending_reads_.begin() +
                           static_cast<std::ptrdiff_t>(i));
      break;
    }
  }
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

void MetadataGroup::TakeCommitted() {
  while (std::optional<StoredEntry> entry = log_.PopCommitted()) {
    const LogIndex index = entry->header.index;
    if (ready_) {
      const absl::Status applied = ApplyStored(index.Previous());
      std::exchange(ready_, nullptr)(applied);
      if (!applied.ok()) return;
    }
    if (!commands_.empty() && commands_.front().index == index) {
      ApplyPending(commands_.PopFront());
    } else {
      state_.Skip(index);
    }
  }
}

absl::Status MetadataGroup::ApplyStored(LogIndex last) {
  while (state_.applied() < last) {
    absl::StatusOr<std::vector<StoredEntry>> entries =
        services_->store->Read(log_.number(), state_.applied().Next(), last,
                               kCatchUpBytes, storage::ReadClass::kPoint);
    if (!entries.ok()) return entries.status();
    for (const StoredEntry& entry : *entries) {
      if (!raft::UsesOffsets(entry.header.kind)) {
        state_.Skip(entry.header.index);
        continue;
      }
      MetadataCommand command;
      if (!command.ParseFromString(entry.payload.ToString())) {
        return absl::DataLossError(
            absl::StrCat("the metadata command at index ",
                         entry.header.index.value(), " cannot be decoded"));
      }
      const absl::Status prepared = state_.PrepareNow(command);
      if (!prepared.ok()) return prepared;
      state_.Apply(entry.header.index, command, &rows_);
    }
  }
  return absl::OkStatus();
}

void MetadataGroup::ApplyPending(PendingCommand pending) {
  CommandOutcome outcome = state_.Apply(pending.index, pending.command, &rows_);
  // Also a command that changed nothing waits for those before it.
  if (!effects_ || outcome.topic.topic == nullptr) {
    return pending.done(std::move(outcome));
  }
  const uint64_t id = next_effect_++;
  const TopicChange change = outcome.topic;
  effects_running_[id] = {std::move(outcome), std::move(pending.done)};
  effects_(change, pending.command.has_delete_topic(),
           [this, id] { FinishEffect(id); });
}

void MetadataGroup::FinishEffect(uint64_t id) {
  auto finished = effects_running_.extract(id);
  finished.mapped().done(std::move(finished.mapped().outcome));
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
  return commands_.empty() && answers_.empty() && pending_reads_.empty() &&
         rows_.empty() && !log_.writing() && row_writes_in_flight_.empty() &&
         effects_running_.empty() && producer_reads_.empty();
}

void MetadataGroup::Abandon(const absl::Status& status) {
  // Opens that wait for a row are among them: nothing of them was proposed.
  std::map<uint64_t, FoundProducer> row_reads =
      std::exchange(producer_reads_, {});
  for (auto& [id, done] : row_reads) done(status);
  while (!commands_.empty()) {
    commands_.PopFront().done(
        MakeError(v1::ERROR_REASON_OUTCOME_UNKNOWN,
                  "the command was accepted and may or may not be committed"));
  }
  std::map<uint64_t, RunningEffect> effects =
      std::exchange(effects_running_, {});
  for (auto& [id, effect] : effects) {
    effect.done(MakeError(v1::ERROR_REASON_OUTCOME_UNKNOWN,
                          "the command is committed and takes effect once the "
                          "node runs again"));
  }
  answers_.FailAll(status);
  std::vector<PendingRead> reads = std::exchange(pending_reads_, {});
  for (PendingRead& read : reads) read.then(status);
}

}  // namespace kappa::server
