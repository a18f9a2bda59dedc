#include "raft/persist_queue.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "proto/wire/check.h"
#include "raft/mutant.h"

namespace kappa::raft {

void PersistQueue::AddEntry(const EntryMeta& entry) {
  Open().entries.push_back(entry);
}

void PersistQueue::AddMessage(Message message) {
  Open().messages_after.push_back(std::move(message));
}

uint64_t PersistQueue::Touch() {
  Open();
  return next_sequence_;
}

Persist& PersistQueue::Open() {
  if (!is_open_) {
    writes_.emplace_back();
    is_open_ = true;
  }
  return writes_.back();
}

void PersistQueue::Truncate(LogIndex from) {
  KAPPA_CHECK(!is_open_, "sealed before a truncation");
  Open().truncate_from = from;
  Cut(from.Previous());
}

void PersistQueue::InstallBase(const LogBase& base, LogIndex kept,
                               std::shared_ptr<const BaseChunk> chunk) {
  KAPPA_CHECK(!is_open_, "sealed before a new base");
  Open().install_base = base;
  Open().base_chunk = std::move(chunk);
  Cut(kept);
}

void PersistQueue::AddBaseChunk(std::shared_ptr<const BaseChunk> chunk) {
  KAPPA_CHECK(!is_open_, "sealed before a chunk");
  Open().base_chunk = std::move(chunk);
}

void PersistQueue::TrimTo(const LogBase& base) {
  KAPPA_CHECK(!is_open_, "sealed before a trim");
  KAPPA_CHECK(base.id.index <= durable_, "only what is durable is dropped");
  Open().trim_to = base;
}

uint64_t PersistQueue::AddRepair(const EntryMeta& entry) {
  Open().repairs.push_back(entry);
  return next_sequence_;
}

void PersistQueue::Cut(LogIndex kept) {
  durable_ = std::min(durable_, kept);
  if (KAPPA_MUTANT(kLateCompletionProves)) return;
  for (size_t i = 0; i < in_flight_.size(); ++i) {
    in_flight_[i].proves = std::min(in_flight_[i].proves, kept);
  }
}

void PersistQueue::Seal(const HardState& hard_state, LogIndex last) {
  if (!is_open_) return;
  Persist& write = writes_.back();
  write.token = PersistToken{hard_state.term, last, next_sequence_++};
  write.hard_state = hard_state;
  in_flight_.PushBack(InFlight{write.token, last});
  is_open_ = false;
}

std::vector<Persist> PersistQueue::TakeSealed() {
  KAPPA_CHECK(!is_open_, "sealed before the writes are taken");
  return std::exchange(writes_, {});
}

bool PersistQueue::Complete(const PersistToken& token) {
  // A write that was not handed out yet cannot be durable.
  const size_t taken = in_flight_.size() - sealed();
  size_t position = 0;
  while (position < taken && in_flight_[position].token != token &&
         !(KAPPA_MUTANT(kIndexOnlyCompletion) &&
           in_flight_[position].token.index == token.index)) {
    ++position;
  }
  if (position == taken) return false;
  durable_ = std::max(durable_, in_flight_[position].proves);
  completed_sequence_ = token.sequence;
  for (size_t i = 0; i <= position; ++i) in_flight_.PopFront();
  return true;
}

void PersistQueue::CheckInvariants(LogIndex last) const {
  KAPPA_CHECK(durable_ <= last, "last >= durable");
  KAPPA_CHECK(sealed() <= in_flight_.size(), "sealed are in flight");
  KAPPA_CHECK(completed_sequence_ < next_sequence_, "completed was issued");
  uint64_t previous = completed_sequence_;
  for (size_t i = 0; i < in_flight_.size(); ++i) {
    KAPPA_CHECK(in_flight_[i].token.sequence > previous, "in order");
    KAPPA_CHECK(in_flight_[i].proves <= last, "proves what exists");
    KAPPA_CHECK(in_flight_[i].proves <= in_flight_[i].token.index,
                "proves no more than it wrote");
    previous = in_flight_[i].token.sequence;
  }
  KAPPA_CHECK(previous < next_sequence_, "the next one is new");
  if (!is_open_) return;
  LogIndex next;
  for (const EntryMeta& entry : writes_.back().entries) {
    KAPPA_CHECK(next == LogIndex(0) || entry.id.index == next, "contiguous");
    next = entry.id.index.Next();
  }
  KAPPA_CHECK(next == LogIndex(0) || next == last.Next(), "ends at last");
}

}  // namespace kappa::raft
