#include "raft/context.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "proto/wire/check.h"

namespace kappa::raft {
namespace {

bool SortedAndDistinct(const std::vector<ReplicaId>& replicas) {
  return std::adjacent_find(replicas.begin(), replicas.end(),
                            [](const ReplicaId& a, const ReplicaId& b) {
                              return a >= b;
                            }) == replicas.end();
}

}  // namespace

Context::Context(const CoreOptions& options, RestoredState restored)
    : options_(options),
      hard_state_(restored.hard_state),
      base_(std::move(restored.base)),
      log_(base_.id, restored.last, std::move(restored.term_starts)),
      configurations_(std::move(restored.configurations)),
      committed_(base_.id.index),
      committed_told_(base_.id.index),
      persists_(restored.last.index),
      random_state_(options.random_seed) {
  KAPPA_CHECK(options_.election_ticks > 0, "an election takes time");
  KAPPA_CHECK(options_.heartbeat_ticks > 0, "heartbeats take time");
  KAPPA_CHECK(options_.request_entries_max > 0, "a request carries entries");
  KAPPA_CHECK(options_.in_flight_entries_max > 0, "a window for entries");
  if (restored.partial_base &&
      restored.partial_base->base.id.index > base_.id.index) {
    staged_base_ =
        std::make_unique<PartialBase>(*std::move(restored.partial_base));
  }
  CheckInvariants();
}

void Context::EnterTerm(Term term) {
  KAPPA_CHECK(term > hard_state_.term, "terms only grow");
  // What was promised in the old term leaves with a write of that term.
  SealPersist();
  hard_state_ = HardState{term, std::nullopt};
  leader_.reset();
  role_changed_ = true;
  persists_.Touch();
}

uint64_t Context::VoteFor(ReplicaId candidate) {
  KAPPA_CHECK(!hard_state_.vote || *hard_state_.vote == candidate,
              "a vote never changes within a term");
  hard_state_.vote = candidate;
  return persists_.Touch();
}

void Context::SetLeader(std::optional<ReplicaId> leader) {
  if (leader_ == leader) return;
  leader_ = leader;
  role_changed_ = true;
}

void Context::Append(const EntryMeta& entry) {
  KAPPA_CHECK(entry.id.term <= term(), "no entry of a later term");
  log_.Append(entry.id);
  persists_.AddEntry(entry);
  if (entry.kind != EntryKind::kConfiguration) return;
  configurations_.Append(entry.id.index, entry.configuration);
  configuration_changed_ = true;
}

void Context::TruncateFrom(LogIndex from) {
  KAPPA_CHECK(from > committed_, "committed entries stay");
  SealPersist();
  log_.TruncateFrom(from);
  persists_.Truncate(from);
  damaged_.DropFrom(from);
  if (!KAPPA_MUTANT(kTruncationKeepsConfiguration)) {
    configuration_changed_ |= configurations_.TruncateFrom(from);
  }
}

void Context::InstallBase(const LogBase& base,
                          std::shared_ptr<const BaseChunk> chunk) {
  KAPPA_CHECK(base.id.index > committed_, "a base is news");
  KAPPA_CHECK(base.id.term <= term(), "a base of a later term");
  SealPersist();
  persists_.InstallBase(base, committed_, std::move(chunk));
  log_ = TermTable(base.id);
  committed_ = base.id.index;
  committed_told_ = base.id.index;
  configuration_changed_ |= configuration() != base.configuration;
  configurations_.Clear();
  base_ = base;
  damaged_.Clear();
  staged_base_.reset();
}

void Context::TrimTo(const LogBase& base) {
  KAPPA_CHECK(base.id.index <= committed_, "only what is committed is dropped");
  persists_.TrimTo(base);
  log_.TrimTo(base.id);
  configurations_.TrimTo(base.id.index);
  damaged_.DropUpTo(base.id.index);
  base_ = base;
}

void Context::StageChunk(std::shared_ptr<const BaseChunk> chunk) {
  if (staged_base_ == nullptr || staged_base_->base != chunk->base) {
    staged_base_ = std::make_unique<PartialBase>(PartialBase{chunk->base, 0});
  }
  KAPPA_CHECK(chunk->offset == staged_base_->bytes, "chunks follow each other");
  staged_base_->bytes += chunk->bytes;
  SealPersist();
  persists_.AddBaseChunk(std::move(chunk));
}

bool Context::CompletePersist(const PersistToken& token) {
  if (!persists_.Complete(token)) return false;
  damaged_.FinishRepairs(token.sequence);
  return true;
}

void Context::MarkDamaged(LogIndex index, const Digest& chain) {
  damaged_.Add(EntryId{*log_.TermAt(index), index}, chain);
}

bool Context::Repair(const EntryMeta& entry) {
  const DamagedEntry* damaged = damaged_.Find(entry.id.index);
  if (damaged == nullptr || damaged->repair_sequence != 0) return false;
  return damaged_.BeginRepair(damaged->id, persists_.AddRepair(entry));
}

void Context::CommitUpTo(LogIndex index) {
  KAPPA_CHECK(index <= log_.last().index, "only what exists is committed");
  if (index <= committed_) return;
  committed_ = index;
  configurations_.ForgetBelow(committed_);
}

Message Context::NewMessage(MessageType type, ReplicaId to) const {
  Message message;
  message.type = type;
  message.group = options_.group;
  message.from = options_.self;
  message.to = to;
  message.term = hard_state_.term;
  if (type == MessageType::kAppendResponse)
    message.priority = options_.priority;
  return message;
}

void Context::Send(Message message) { messages_.push_back(std::move(message)); }

void Context::SendAfterDurable(Message message) {
  if (persists_.idle()) {
    Send(std::move(message));
  } else {
    persists_.AddMessage(std::move(message));
  }
}

void Context::ConfirmRead(uint64_t id, LogIndex index) {
  reads().confirmed.push_back(ReadConfirmed{id, index});
}

void Context::RefuseRead(uint64_t id) { reads().refused.push_back(id); }

Context::ReadAnswers& Context::reads() {
  if (reads_ == nullptr) reads_ = std::make_unique<ReadAnswers>();
  return *reads_;
}

bool Context::HasOutput() const {
  return persists_.has_output() || committed_ != committed_told_ ||
         role_changed_ || configuration_changed_ || transfer_ended_ ||
         !messages_.empty() || reads_ != nullptr;
}

Output Context::TakeOutput() {
  SealPersist();
  Output output;
  output.persists = persists_.TakeSealed();
  output.messages = std::exchange(messages_, {});
  if (committed_ != committed_told_) {
    output.committed = CommitRange{committed_told_, committed_};
    committed_told_ = committed_;
  }
  if (reads_ != nullptr) {
    output.reads_confirmed = std::move(reads_->confirmed);
    output.reads_refused = std::move(reads_->refused);
    reads_.reset();
  }
  output.transfer_ended = std::exchange(transfer_ended_, std::nullopt);
  output.role_changed = std::exchange(role_changed_, false);
  output.configuration_changed = std::exchange(configuration_changed_, false);
  return output;
}

uint32_t Context::DrawElectionTicks() {
  // SplitMix64 (Steele, Lea, Flood 2014).
  random_state_ += 0x9e3779b97f4a7c15;
  uint64_t z = random_state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return options_.election_ticks +
         static_cast<uint32_t>(z % options_.election_ticks);
}

void Context::CheckInvariants() const {
  log_.CheckInvariants();
  persists_.CheckInvariants(log_.last().index);
  KAPPA_CHECK(!persists_.idle() || durable() == log_.last().index,
              "what is not being written is durable");
  KAPPA_CHECK(log_.base().index <= committed_, "the base is committed");
  KAPPA_CHECK(committed_ <= log_.last().index, "last >= committed");
  KAPPA_CHECK(committed_told_ <= committed_, "committed never falls");
  KAPPA_CHECK(log_.last().term <= term(), "no entry of a later term");
  KAPPA_CHECK(!hard_state_.vote || term() > Term(0), "a vote has a term");
  KAPPA_CHECK(log_.base() == base_.id, "one base");
  damaged_.CheckInvariants(log_);
  KAPPA_CHECK(staged_base_ == nullptr ||
                  staged_base_->bytes <= staged_base_->base.state_bytes,
              "a staged base's bytes");
  configurations_.CheckInvariants(base_.id.index, log_.last().index);
  const Configuration& present = configuration();
  KAPPA_CHECK(SortedAndDistinct(present.voters) &&
                  SortedAndDistinct(present.outgoing_voters) &&
                  SortedAndDistinct(present.learners),
              "replicas are sorted and distinct");
}

}  // namespace kappa::raft
