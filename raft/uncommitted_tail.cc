#include "raft/uncommitted_tail.h"

#include <algorithm>
#include <cstddef>

#include "proto/wire/check.h"

namespace kappa::raft {

void UncommittedTail::Push(const EntryMeta& entry) {
  KAPPA_CHECK(
      entries_.empty() || entry.id.index == entries_.back().id.index.Next(),
      "the tail is contiguous");
  entries_.PushBack(entry);
  payload_bytes_ += entry.payload_bytes;
}

void UncommittedTail::PopUpTo(LogIndex committed) {
  while (!entries_.empty() && entries_.front().id.index <= committed) {
    payload_bytes_ -= entries_.front().payload_bytes;
    entries_.PopFront();
  }
}

const EntryMeta* UncommittedTail::Find(LogIndex index) const {
  if (entries_.empty() || index < entries_.front().id.index ||
      index > entries_.back().id.index) {
    return nullptr;
  }
  return &entries_[index - entries_.front().id.index];
}

void UncommittedTail::CheckInvariants(LogIndex committed, LogIndex first_own,
                                      LogIndex last) const {
  const LogIndex first = std::max(committed.Next(), first_own);
  const uint64_t expected = first <= last ? last.Next() - first : 0;
  KAPPA_CHECK(entries_.size() == expected, "all uncommitted own entries");
  uint64_t payload_bytes = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    KAPPA_CHECK(entries_[i].id.index == first + i, "the tail is contiguous");
    payload_bytes += entries_[i].payload_bytes;
  }
  KAPPA_CHECK(payload_bytes == payload_bytes_, "the sum is right");
}

}  // namespace kappa::raft
