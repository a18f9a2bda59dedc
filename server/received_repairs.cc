#include "server/received_repairs.h"

#include <utility>

#include "proto/wire/check.h"

namespace kappa::server {

void ReceivedRepairs::Add(Repair repair) {
  const LogIndex index = repair.entry.header.index;
  if (!checking_.empty() && index >= checking_.front().entry.header.index &&
      index <= checking_.back().entry.header.index) {
    return;
  }
  const size_t bytes = repair.entry.payload.bytes();
  const bool fits =
      waiting_.size() < kEntriesMax && waiting_bytes_ + bytes <= kBytesMax;
  if (!fits && !waiting_.empty()) return;
  if (waiting_.emplace(index, std::move(repair)).second) {
    waiting_bytes_ += bytes;
  }
}

std::optional<RepairCheck> ReceivedRepairs::TakeCheck() {
  if (!checking_.empty() || waiting_.empty()) return std::nullopt;
  RepairCheck check;
  check.id = ++check_;
  check.before = proven_;
  LogIndex next = waiting_.begin()->first;
  while (!waiting_.empty() && waiting_.begin()->first == next) {
    Repair& repair = checking_.emplace_back(
        std::move(waiting_.extract(waiting_.begin()).mapped()));
    waiting_bytes_ -= repair.entry.payload.bytes();
    check.entries.push_back(repair.entry);
    next = next.Next();
  }
  return check;
}

std::vector<ReceivedRepairs::Repair> ReceivedRepairs::EndCheck(uint64_t id,
                                                               size_t proven) {
  if (checking_.empty() || id != check_) return {};
  KAPPA_CHECK(proven <= checking_.size(), "no more than were to be checked");
  std::vector<Repair> repairs = std::exchange(checking_, {});
  repairs.resize(proven);
  if (proven > 0) proven_ = repairs.back().entry.header;
  return repairs;
}

}  // namespace kappa::server
