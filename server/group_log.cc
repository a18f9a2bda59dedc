#include "server/group_log.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/sha256.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"
#include "server/not_leader.h"
#include "storage/configuration_rows.h"
#include "storage/term_rows.h"

namespace kappa::server {
namespace {

using storage::EntryHeader;
using storage::StoredEntry;

std::shared_ptr<const raft::CoreSettings> DefaultSettings() {
  static const auto& settings = *new std::shared_ptr<const raft::CoreSettings>(
      std::make_shared<const raft::CoreSettings>());
  return settings;
}

raft::CoreIdentity IdentityOf(const storage::ReplicaSpec& spec,
                              uint64_t instance) {
  raft::CoreIdentity identity;
  identity.self = spec.self;
  identity.group = spec.group;
  identity.instance = instance;
  // The replicas of a group must not stand for election at the same times.
  identity.random_seed = spec.group.value() ^
                         spec.self.node.value() * 0x9e3779b97f4a7c15 ^ instance;
  return identity;
}

raft::RestoredState RestoredStateOf(
    const storage::ReplicaPosition& position,
    std::vector<raft::EntryId> term_starts,
    std::vector<raft::ConfigurationAt> configurations) {
  raft::RestoredState restored;
  restored.hard_state = position.hard_state;
  restored.base = position.base;
  restored.last = position.last;
  restored.configurations = std::move(configurations);
  restored.term_starts = std::move(term_starts);
  return restored;
}

}  // namespace

absl::StatusOr<GroupLog> GroupLog::Recover(const storage::LogStore& store,
                                           const storage::ReplicaInfo& replica,
                                           const AppendClock* clock,
                                           GroupLogOptions options) {
  absl::StatusOr<storage::ReplicaPosition> position =
      store.Position(replica.number);
  if (!position.ok()) return position.status();
  absl::StatusOr<storage::FoundTermStarts> terms =
      storage::FindTermStarts(store, replica.number);
  if (!terms.ok()) return terms.status();
  absl::StatusOr<std::vector<raft::ConfigurationAt>> configurations =
      std::vector<raft::ConfigurationAt>();
  // An empty log has none, and nobody waits for a disk then.
  if (position->last != position->base.id) {
    configurations = storage::ReadConfigurationRow(store, replica.number);
  }
  if (!configurations.ok()) return configurations.status();
  for (const raft::ConfigurationAt& at : *configurations) {
    if (at.index > position->base.id.index &&
        at.index <= position->last.index) {
      continue;
    }
    return absl::DataLossError(
        absl::StrCat("replica ", replica.number.value(),
                     " has a configuration at index ", at.index.value(),
                     " of a log that ends at ", position->last.index.value()));
  }
  raft::RestoredState restored = RestoredStateOf(
      *position, std::move(terms->starts), *std::move(configurations));
  GroupLog log(replica, *std::move(position), std::move(restored), clock,
               std::move(options));
  log.damage_at_start_ = std::move(terms->damage);
  return log;
}

GroupLog::GroupLog(const storage::ReplicaInfo& replica,
                   storage::ReplicaPosition position,
                   raft::RestoredState restored, const AppendClock* clock,
                   GroupLogOptions options)
    : group_(replica.spec.group),
      number_(replica.number),
      self_(replica.spec.self),
      clock_(clock),
      nodes_(options.nodes),
      request_bytes_max_(
          (options.settings ? options.settings : DefaultSettings())
              ->request_bytes_max),
      election_ticks_((options.settings ? options.settings : DefaultSettings())
                          ->election_ticks),
      holds_notices_(options.holds_notices),
      base_(position.base),
      core_(IdentityOf(replica.spec, options.instance),
            options.settings ? options.settings : DefaultSettings(), restored),
      written_hard_state_(position.hard_state),
      tail_(LogTail::Of(position)),
      bytes_(tail_.last.index),
      configurations_(std::move(restored.configurations)),
      term_starts_(std::move(restored.term_starts)),
      terms_in_rows_(term_starts_.size()),
      repair_budget_(options.repair_budget ? std::move(options.repair_budget)
                                           : std::make_shared<RepairBudget>()) {
  committed_tail_ = {.last = base_.id,
                     .end_offset = base_.offset,
                     .chain = base_.chain,
                     .last_append_time_us = base_.append_time_us};
  if (tail_.last != base_.id) restored_ = tail_;
}

void GroupLog::Campaign() {
  core_.Campaign();
  AbsorbAside();
}

bool GroupLog::sole_voter() const {
  const raft::Configuration& configuration = core_.configuration();
  return !configuration.joint() && configuration.voters.size() == 1 &&
         configuration.voters.front() == self_;
}

void GroupLog::PreferFirstLeader(ReplicaId leader) {
  if (core_.term() != Term(0) || sole_voter()) return;
  if (leader == self_) {
    stands_first_ = true;
  } else {
    ticks_held_ = 2 * election_ticks_;
    held_for_ = leader.node;
  }
}

void GroupLog::Tick() {
  if (core_.term() != Term(0)) {
    stands_first_ = false;
    ticks_held_ = 0;
  }
  if (std::exchange(stands_first_, false) && IsFit()) core_.Campaign();
  if (ticks_held_ > 0) {
    --ticks_held_;
    return;
  }
  core_.Tick();
  cut_wanted_ = !damage_untold_.empty();
  notices_due_ = outgoing_ != nullptr && outgoing_->holds_notice();
}

void GroupLog::Rouse() {
  if (leads() || !core_.quiescent()) return;
  // It fails, and that is what wakes the core.
  const auto refused =
      core_.Propose(raft::EntryKind::kRecords, 1, 0, raft::EntryHandle{1});
  KAPPA_CHECK(!refused.ok(), "it does not lead");
}

absl::Status GroupLog::NotLeader() const {
  const std::optional<ReplicaId> leader = core_.leader();
  if (!leader.has_value() || *leader == self_) {
    return NotLeaderError(std::nullopt, nodes_);
  }
  return NotLeaderError(leader->node, nodes_);
}

absl::StatusOr<const EntryHeader*> GroupLog::Propose(EntryHeader header,
                                                     Payload payload) {
  // What the core appended by itself comes first.
  if (core_.last().index != tail_.last.index) AbsorbAside();
  absl::StatusOr<raft::EntryId> id =
      core_.Propose(header.kind, header.record_count, payload.bytes(),
                    raft::EntryHandle{tail_.last.index.value() + 1});
  if (absl::IsResourceExhausted(id.status())) {
    return MakeError(v1::ERROR_REASON_OVERLOADED, ToStd(id.status().message()),
                     {{"retry_after_ms", "20"}});
  }
  if (!id.ok()) return NotLeader();
  PlaceAfter(TailForNext(), *id, *clock_, &header);
  Append({std::move(header), std::move(payload)});
  return &pending_.back().header;
}

absl::Status GroupLog::ProposeConfiguration(
    const raft::ConfigurationChange& change) {
  AbsorbAside();
  const absl::Status status = core_.ProposeConfiguration(change).status();
  AbsorbAside();
  return status;
}

absl::Status GroupLog::TransferLeadership(std::optional<ReplicaId> target) {
  return core_.TransferLeadership(target);
}

void GroupLog::Append(StoredEntry entry) {
  if (term_starts_.empty() || term_starts_.back().term != entry.header.term) {
    term_starts_.push_back({entry.header.term, entry.header.index});
    terms_changed_ = true;
  }
  tail_ = LogTail::Of(entry.header);
  bytes_.OnAppended(tail_.last.index, entry.header.payload_bytes);
  const EntryHeader& header = pending_.PushBack(std::move(entry)).header;
  if (observer_ != nullptr) observer_->OnAppended(header);
}

LogTail GroupLog::TailForNext() const {
  LogTail tail = tail_;
  tail.last_append_time_us =
      std::max(tail.last_append_time_us, settled_time_us_);
  return tail;
}

int64_t GroupLog::SettleAppendTime() {
  // Entries under way may have any time since the last committed one.
  if (!leads() || tail_.last.index != committed_tail_.last.index) {
    return committed_tail_.last_append_time_us;
  }
  settled_time_us_ = std::max(
      {settled_time_us_, tail_.last_append_time_us, clock_->PassedUs()});
  return settled_time_us_;
}

uint64_t GroupLog::RequestRead() {
  core_.OnReadRequested(++last_read_id_);
  return last_read_id_;
}

// --- output ---

StoredEntry GroupLog::MakeOwn(const raft::EntryMeta& meta) {
  StoredEntry entry;
  EntryHeader& header = entry.header;
  header.kind = meta.kind;
  if (meta.kind == raft::EntryKind::kConfiguration) {
    entry.payload =
        Payload::FromString(storage::EncodeConfiguration(*meta.configuration));
    header.encoding = storage::PayloadEncoding::kConfiguration;
    header.payload_bytes = static_cast<uint32_t>(entry.payload.bytes());
    header.payload_crc32c = Crc32c(entry.payload);
    header.payload_sha256 = Sha256(entry.payload.ToString());
  }
  PlaceAfter(TailForNext(), meta.id, *clock_, &header);
  return entry;
}

const StoredEntry& GroupLog::EntryFor(const raft::EntryMeta& meta) {
  if (meta.id.index > tail_.last.index) {
    const auto handle = static_cast<uint64_t>(meta.handle);
    if (handle == 0) {
      Append(MakeOwn(meta));
    } else {
      KAPPA_CHECK(incoming_ != nullptr && incoming_checked_ &&
                      handle <= incoming_->size(),
                  "only checked entries are taken");
      Append(std::move((*incoming_)[handle - 1]));
    }
    if (meta.kind == raft::EntryKind::kConfiguration) {
      configurations_.push_back({meta.id.index, *meta.configuration});
      if (configurations_.size() > 2) {
        configurations_.erase(configurations_.begin());
      }
      configurations_changed_ = true;
    }
  }
  const StoredEntry* const entry = FindPendingEntry(meta.id.index);
  KAPPA_CHECK(entry != nullptr && entry->header.term == meta.id.term,
              "not the entry that the core names");
  return *entry;
}

storage::GroupWrite GroupLog::WriteFor(raft::Persist* persist) {
  KAPPA_CHECK(!persist->install_base.has_value() &&
                  !persist->trim_to.has_value() &&
                  persist->base_chunk == nullptr,
              "nothing is trimmed or installed here");
  storage::GroupWrite write;
  write.replica = number_;
  if (persist->truncate_from.has_value()) {
    Truncate(*persist->truncate_from);
    write.truncate_from = persist->truncate_from;
  }
  for (const raft::EntryMeta& meta : persist->repairs) {
    const auto handle = static_cast<uint64_t>(meta.handle);
    KAPPA_CHECK(
        incoming_ != nullptr && handle > 0 && handle <= incoming_->size(),
        "only proven repairs are taken");
    const StoredEntry& entry = (*incoming_)[handle - 1];
    write.repairs.push_back({entry.header, entry.payload});
  }
  write.entries.reserve(persist->entries.size());
  for (const raft::EntryMeta& meta : persist->entries) {
    const StoredEntry& entry = EntryFor(meta);
    write.entries.push_back({entry.header, entry.payload});
  }
  if (persist->hard_state != written_hard_state_) {
    write.hard_state = written_hard_state_ = persist->hard_state;
  }
  if (configurations_changed_) {
    configurations_changed_ = false;
    write.side_rows.push_back(
        storage::ConfigurationRow(number_, configurations_));
  }
  AddTermRows(&write);
  if (!persist->messages_after.empty()) {
    after_durable_.PushBack(
        {persist->token.sequence, std::move(persist->messages_after)});
  }
  return write;
}

void GroupLog::AddTermRows(storage::GroupWrite* write) {
  if (!terms_changed_) return;
  for (storage::SideRow& row :
       storage::TermRows(number_, term_starts_, terms_kept_, terms_in_rows_)) {
    write->side_rows.push_back(std::move(row));
  }
  terms_kept_ = terms_in_rows_ = term_starts_.size();
  terms_changed_ = false;
}

void GroupLog::Absorb(ShardGroup* owner, WriteCycle* cycle) {
  if (!core_.HasOutput()) return;
  raft::Output output = core_.TakeOutput();
  for (raft::Persist& persist : output.persists) {
    cycle->writes.push_back(WriteFor(&persist));
    cycle->in_flight.push_back({owner, persist.token});
    ++writes_in_flight_;
  }
  KAPPA_CHECK(core_.last() == tail_.last, "the core's log is this one");
  ReplicaId asked{};
  for (raft::Message& message : output.messages) {
    if (message.type != raft::MessageType::kRepairRequest) {
      Send(std::move(message));
    } else if (std::exchange(asked, message.to) != message.to) {
      AskForRepairs(message);
    }
  }
  if (output.role_changed) NoteRole();
  if (output.transfer_ended.has_value()) {
    progress_.transfer_ended = output.transfer_ended;
  }
  if (!output.reads_confirmed.empty()) {
    progress_.reads_confirmed.insert(progress_.reads_confirmed.end(),
                                     output.reads_confirmed.begin(),
                                     output.reads_confirmed.end());
  }
  if (!output.reads_refused.empty()) {
    progress_.reads_refused.insert(progress_.reads_refused.end(),
                                   output.reads_refused.begin(),
                                   output.reads_refused.end());
  }
}

void GroupLog::NoteRole() {
  progress_.role_changed = true;
  const Term leads_in = leads() ? core_.term() : Term();
  if (led_term_ != Term() && leads_in != led_term_) {
    progress_.lost_leadership = true;
  }
  led_term_ = leads_in;
}

void GroupLog::Send(raft::Message message) {
  outgoing().Add(std::move(message),
                 [this](LogIndex index) { return FindPendingEntry(index); });
}

OutgoingMessages& GroupLog::outgoing() {
  if (outgoing_ == nullptr) {
    outgoing_ =
        std::make_unique<OutgoingMessages>(request_bytes_max_, holds_notices_);
  }
  return *outgoing_;
}

GroupLog::Progress GroupLog::Collect(ShardGroup* owner, WriteCycle* cycle) {
  if (!damage_untold_.empty()) TellDamage();
  if (!stash_.empty()) {
    for (storage::GroupWrite& write : stash_.writes) {
      cycle->writes.push_back(std::move(write));
    }
    for (WriteInFlight& write : stash_.in_flight) {
      cycle->in_flight.push_back({owner, write.token});
    }
    stash_ = WriteCycle();
  }
  Absorb(owner, cycle);
  if (outgoing_ != nullptr) {
    // Behind the heartbeat, if one is due, which says it all.
    if (std::exchange(notices_due_, false) || !leads()) {
      outgoing_->ReleaseNotices(core_.term());
    }
    progress_.messages = outgoing_->TakeMessages(core_.term());
    progress_.reads = outgoing_->TakeReads();
  }
  if (repairs_ != nullptr) progress_.repair_check = repairs_->TakeCheck();
  progress_.committed = HasReadable();
  return std::exchange(progress_, Progress());
}

void GroupLog::OnDurable(const raft::PersistToken& token) {
  KAPPA_CHECK(writes_in_flight_ > 0, "no write is in flight");
  --writes_in_flight_;
  core_.OnPersisted(token);
  if (!damage_told_.empty()) NoteRepaired();
  while (!after_durable_.empty() &&
         after_durable_.front().sequence <= token.sequence) {
    AfterDurable after = after_durable_.PopFront();
    for (raft::Message& message : after.messages) Send(std::move(message));
  }
}

// --- what is readable ---

bool GroupLog::HasReadable() const {
  const LogIndex readable = core_.readable();
  return restored_.has_value()
             ? restored_->last.index <= readable
             : !pending_.empty() && pending_.front().header.index <= readable;
}

bool GroupLog::SkipRestored() {
  if (!restored_.has_value() || restored_->last.index > core_.readable()) {
    return false;
  }
  committed_tail_ = *restored_;
  restored_.reset();
  anchor_.reset();
  return true;
}

std::optional<StoredEntry> GroupLog::PopCommitted() {
  if (restored_.has_value() && !SkipRestored()) return std::nullopt;
  if (pending_.empty() || pending_.front().header.index > core_.readable()) {
    return std::nullopt;
  }
  StoredEntry entry = pending_.PopFront();
  committed_tail_ = LogTail::Of(entry.header);
  return entry;
}

bool GroupLog::own_term_committed() const {
  const LogIndex start = core_.leader_term_start();
  return start != LogIndex() && committed_tail_.last.index >= start;
}

const StoredEntry* GroupLog::FindPendingEntry(LogIndex index) const {
  if (pending_.empty() || index < pending_.front().header.index ||
      index > pending_.back().header.index) {
    return nullptr;
  }
  return &pending_[index - pending_.front().header.index];
}

const EntryHeader* GroupLog::FindPending(LogIndex index) const {
  const StoredEntry* const entry = FindPendingEntry(index);
  return entry == nullptr ? nullptr : &entry->header;
}

}  // namespace kappa::server
