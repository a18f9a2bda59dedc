// GroupLog: what is damaged, and its repair (RELIABILITY.md S7).
#include <algorithm>
#include <utility>

#include "server/group_log.h"

namespace kappa::server {
namespace {

// One keeps a replica from leading; the core knows them by their index each.
constexpr size_t kDamageToldMax = 1024;
// Ranges that wait for a place among those; what is beyond is found again.
constexpr size_t kDamageUntoldMax = 1024;
// Entries that one replica is asked for at once, as the core would.
constexpr size_t kAskedMax = 16;

}  // namespace

void GroupLog::OnEntriesDamaged(LogIndex first, LogIndex last) {
  first = std::max(first, base_.id.index.Next());
  last = std::min(last, tail_.last.index);
  if (first <= last && damage_untold_.size() < kDamageUntoldMax) {
    damage_untold_.emplace_back(first, last);
  }
  cut_wanted_ = true;
  TellDamage();
  // At once: the core waits for an election time first, for a repair.
  if (leads() && !damage_told_.empty()) {
    core_.TransferLeadership(std::nullopt).IgnoreError();
  }
}

bool GroupLog::Tell(LogIndex index) {
  if (damage_told_.contains(index)) return true;
  if (damage_told_.size() == kDamageToldMax) return false;
  damage_told_.insert(index);
  core_.OnEntryDamaged(index, Digest());
  return true;
}

// The highest first: a run of damaged entries is proven from its end on.
void GroupLog::TellCommitted(LogIndex first, LogIndex last) {
  while (first <= last && Tell(last)) last = last.Previous();
  if (first <= last) damage_untold_.emplace_back(first, last);
}

LogIndex GroupLog::TellUncommitted(LogIndex first, LogIndex last) {
  // The core may cut the log at the lowest damaged entry.
  while (first <= last && KnowsCut(first) && Tell(first)) first = first.Next();
  return first;
}

void GroupLog::TellDamage() {
  const LogIndex committed = core_.committed();
  // Where one cannot be told, those above it have to wait.
  std::sort(damage_untold_.begin(), damage_untold_.end());
  for (auto& [first, last] : std::exchange(damage_untold_, {})) {
    if (first <= committed) TellCommitted(first, std::min(last, committed));
    const LogIndex above =
        TellUncommitted(std::max(first, committed.Next()), last);
    if (above <= last) damage_untold_.emplace_back(above, last);
  }
}

bool GroupLog::KnowsCut(LogIndex from) {
  const LogIndex end = from.Previous();
  // Once that one is repaired, see TakeRepair, or nothing is cut here.
  if (damage_told_.contains(end)) return true;
  if (const std::optional<LogTail> tail = TailAt(end)) {
    cuts_.insert_or_assign(end, *tail);
    return true;
  }
  if (cut_read_ == 0 && cut_wanted_) {
    cut_wanted_ = false;
    cut_index_ = end;
    cut_read_ = outgoing().Ask(end, end, 1, storage::ReadClass::kPoint);
  }
  return false;
}

void GroupLog::OnCutRead(
    const absl::StatusOr<std::vector<StoredEntry>>& entries) {
  cut_read_ = 0;
  if (!entries.ok() || entries->empty()) return;
  const storage::EntryHeader& header = entries->front().header;
  if (header.index == cut_index_ && core_.TermAt(header.index) == header.term) {
    cuts_.insert_or_assign(header.index, LogTail::Of(header));
  }
}

// The core names the lowest ones, whoever has them: here all have their turn,
// the highest first.
void GroupLog::AskForRepairs(const raft::Message& request) {
  const size_t count = std::min(damage_told_.size(), kAskedMax);
  auto at = damage_told_.upper_bound(ask_from_);
  for (size_t i = 0; i < count; ++i) {
    if (at == damage_told_.begin()) at = damage_told_.end();
    const LogIndex index = *--at;
    const std::optional<Term> term = core_.TermAt(index);
    if (!term.has_value()) continue;
    raft::Message asked = request;
    asked.last = {*term, index};
    asked.chain = Digest();
    Send(std::move(asked));
    // Once more with those below it, which it may need for its proof.
    ask_from_ = index;
  }
}

void GroupLog::OnRepairsChecked(uint64_t check,
                                const std::vector<bool>& proven) {
  if (repairs_ == nullptr) return;
  AbsorbAside();
  for (ReceivedRepairs::Repair& repair : repairs_->EndCheck(check, proven)) {
    TakeRepair(std::move(repair.message), std::move(repair.entry));
  }
  if (!repairing() && !repairs_->checking()) repairs_.reset();
}

void GroupLog::TakeRepair(raft::Message message, StoredEntry entry) {
  const LogTail tail = LogTail::Of(entry.header);
  std::vector<StoredEntry> entries{std::move(entry)};
  message.entries.front().handle = raft::EntryHandle{1};
  incoming_ = &entries;
  core_.Step(message);
  AbsorbAside();
  incoming_ = nullptr;
  // The next one, if it is damaged, may be the lowest from now on.
  if (damage_told_.contains(tail.last.index)) {
    cuts_.insert_or_assign(tail.last.index, tail);
  }
}

void GroupLog::NoteRepaired() {
  const std::vector<LogIndex> left = core_.damaged();
  if (left.size() == damage_told_.size()) return;
  for (auto at = damage_told_.begin(); at != damage_told_.end();) {
    if (std::binary_search(left.begin(), left.end(), *at)) {
      ++at;
      continue;
    }
    if (!repaired_.has_value()) repaired_.emplace(*at, *at);
    repaired_->first = std::min(repaired_->first, *at);
    repaired_->second = std::max(repaired_->second, *at);
    progress_.repaired.push_back(*at);
    at = damage_told_.erase(at);
  }
  if (!repairing()) cuts_.clear();
  if (repairs_ == nullptr) return;
  repairs_->Retry();
  // What a running check ends with must not be taken for another's end.
  if (!repairing() && !repairs_->checking()) repairs_.reset();
}

void GroupLog::ForgetDamageFrom(LogIndex from) {
  lowest_cut_ = std::min(lowest_cut_.value_or(from), from);
  for (auto& [first, last] : damage_untold_) {
    last = std::min(last, from.Previous());
  }
  std::erase_if(damage_untold_,
                [](const auto& range) { return range.first > range.second; });
  damage_told_.erase(damage_told_.lower_bound(from), damage_told_.end());
  cuts_.erase(cuts_.lower_bound(from), cuts_.end());
}

bool GroupLog::MayBeReplaced(LogIndex index) const {
  return (lowest_cut_.has_value() && index >= *lowest_cut_) ||
         (repaired_.has_value() && index >= repaired_->first &&
          index <= repaired_->second);
}

}  // namespace kappa::server
