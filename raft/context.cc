#include "raft/context.h"

#include <algorithm>
#include <memory>
#include <optional>
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

Context::Context(const CoreIdentity& identity,
                 std::shared_ptr<const CoreSettings> settings,
                 RestoredState restored)
    : settings_(std::move(settings)),
      self_(identity.self),
      group_(identity.group),
      instance_(identity.instance),
      hard_state_(restored.hard_state),
      base_(std::move(restored.base)),
      log_(base_.id, restored.last, std::move(restored.term_starts)),
      configurations_(std::move(restored.configurations)),
      committed_(base_.id.index),
      committed_told_(base_.id.index),
      persists_(restored.last.index),
      random_state_(identity.random_seed) {
  // Kept for as long as the group lives.
  base_.configuration.voters.shrink_to_fit();
  base_.configuration.learners.shrink_to_fit();
  KAPPA_CHECK(settings_->election_ticks > 0, "an election takes time");
  KAPPA_CHECK(settings_->heartbeat_ticks > 0, "heartbeats take time");
  KAPPA_CHECK(settings_->request_entries_max > 0, "a request carries entries");
  KAPPA_CHECK(settings_->in_flight_entries_max > 0, "a window for entries");
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
  leader_ = ReplicaId{};
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
  const ReplicaId known = leader.value_or(ReplicaId{});
  if (leader_ == known) return;
  leader_ = known;
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
  if (damaged_ != nullptr) damaged_->DropFrom(from);
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
  damaged_.reset();
  staged_base_.reset();
}

void Context::TrimTo(const LogBase& base) {
  KAPPA_CHECK(base.id.index <= committed_, "only what is committed is dropped");
  // One write trims before it repairs: a repair below the base would stay.
  SealPersist();
  persists_.TrimTo(base);
  log_.TrimTo(base.id);
  configurations_.TrimTo(base.id.index);
  if (damaged_ != nullptr) damaged_->DropUpTo(base.id.index);
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
  if (damaged_ != nullptr) damaged_->FinishRepairs(token.sequence);
  return true;
}

const DamagedEntries& Context::damaged() const {
  static const DamagedEntries& none = *new DamagedEntries();
  return damaged_ == nullptr ? none : *damaged_;
}

LogIndex Context::CountsUpTo(LogIndex durable) const {
  if (damaged_ == nullptr || KAPPA_MUTANT(kDamagedCopyCounts)) return durable;
  const std::optional<LogIndex> first = damaged_->FirstFrom(committed_.Next());
  return first ? std::min(durable, first->Previous()) : durable;
}

void Context::MarkDamaged(LogIndex index, const Digest& chain) {
  if (damaged_ == nullptr) damaged_ = std::make_unique<DamagedEntries>();
  damaged_->Add(EntryId{*log_.TermAt(index), index}, chain);
}

bool Context::Repair(const EntryMeta& entry) {
  if (damaged_ == nullptr) return false;
  const DamagedEntry* damaged = damaged_->Find(entry.id.index);
  if (damaged == nullptr || damaged->repair_sequence != 0) return false;
  return damaged_->BeginRepair(damaged->id, persists_.AddRepair(entry));
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
  message.group = group_;
  message.from = self_;
  message.to = to;
  message.term = hard_state_.term;
  if (type == MessageType::kAppendResponse) {
    message.priority = settings_->priority;
    message.unfit = disk_impaired_ || !damaged().empty();
  }
  return message;
}

Context::Pending& Context::pending() {
  if (pending_ == nullptr) pending_ = std::make_unique<Pending>();
  return *pending_;
}

void Context::Send(Message message) {
  std::vector<Message>& messages = pending().messages;
  // As many as a leader sends at once, in one piece.
  if (messages.empty()) messages.reserve(4);
  messages.push_back(std::move(message));
}

void Context::SendAfterDurable(Message message) {
  if (persists_.idle()) {
    Send(std::move(message));
  } else {
    persists_.AddMessage(std::move(message));
  }
}

void Context::ConfirmRead(uint64_t id, LogIndex index) {
  pending().reads_confirmed.push_back(ReadConfirmed{id, index});
}

void Context::RefuseRead(uint64_t id) { pending().reads_refused.push_back(id); }

bool Context::HasOutput() const {
  return persists_.has_output() || committed_ != committed_told_ ||
         role_changed_ || configuration_changed_ || transfer_ended_ ||
         pending_ != nullptr;
}

Output Context::TakeOutput() {
  SealPersist();
  Output output;
  output.persists = persists_.TakeSealed();
  if (committed_ != committed_told_) {
    output.committed = CommitRange{committed_told_, committed_};
    committed_told_ = committed_;
  }
  if (pending_ != nullptr) {
    output.messages = std::move(pending_->messages);
    output.reads_confirmed = std::move(pending_->reads_confirmed);
    output.reads_refused = std::move(pending_->reads_refused);
    pending_.reset();
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
  return settings_->election_ticks +
         static_cast<uint32_t>(z % settings_->election_ticks);
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
  damaged().CheckInvariants(log_);
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
