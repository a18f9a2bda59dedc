#include "server/received_repairs.h"

#include <algorithm>
#include <utility>

#include "proto/wire/check.h"
#include "proto/wire/payload.h"

namespace kappa::server {

ReceivedRepairs::~ReceivedRepairs() { budget_->Give(bytes_); }

bool ReceivedRepairs::Take(size_t bytes) {
  const size_t entries = waiting_.size() + checking_.size();
  const bool fits = entries < kEntriesMax && bytes_ + bytes <= kBytesMax;
  if ((!fits && entries > 0) || !budget_->TryTake(bytes)) return false;
  bytes_ += bytes;
  return true;
}

void ReceivedRepairs::Give(const Repair& repair) {
  const size_t bytes = repair.entry.payload.bytes();
  bytes_ -= bytes;
  budget_->Give(bytes);
}

void ReceivedRepairs::DropChecked() {
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    if (at->second.checked) {
      Give(at->second.repair);
      at = waiting_.erase(at);
    } else {
      ++at;
    }
  }
}

bool ReceivedRepairs::IsChecking(LogIndex index) const {
  return std::any_of(checking_.begin(), checking_.end(),
                     [index](const Repair& repair) {
                       return repair.entry.header.index == index;
                     });
}

void ReceivedRepairs::Add(Repair repair) {
  const LogIndex index = repair.entry.header.index;
  if (IsChecking(index)) return;
  // The newer copy is perhaps the better one.
  if (const auto known = waiting_.find(index); known != waiting_.end()) {
    Give(known->second.repair);
    waiting_.erase(known);
  }
  const size_t bytes = repair.entry.payload.bytes();
  if (!Take(bytes)) {
    DropChecked();
    if (!Take(bytes)) return;
  }
  repair.entry.payload = Payload::FromString(repair.entry.payload.ToString());
  waiting_.emplace(index, Waiting{std::move(repair), /*checked=*/false});
  due_ = true;
}

std::optional<RepairCheck> ReceivedRepairs::TakeCheck() {
  if (!checking_.empty() || !due_) return std::nullopt;
  due_ = false;
  RepairCheck check;
  check.id = ++check_;
  for (auto& [index, waiting] : waiting_) {
    check.entries.push_back(waiting.repair.entry);
    checking_.push_back(std::move(waiting.repair));
  }
  waiting_.clear();
  return check;
}

std::vector<ReceivedRepairs::Repair> ReceivedRepairs::EndCheck(
    uint64_t id, const std::vector<bool>& proven) {
  if (checking_.empty() || id != check_) return {};
  KAPPA_CHECK(proven.size() == checking_.size(), "all were to be checked");
  std::vector<Repair> equal;
  // Others wait for room: what proves nothing is asked for again.
  const bool scarce = budget_->TakeScarce();
  for (size_t i = 0; i < proven.size(); ++i) {
    Repair& repair = checking_[i];
    if (proven[i]) {
      Give(repair);
      equal.push_back(std::move(repair));
      continue;
    }
    if (scarce) {
      Give(repair);
      continue;
    }
    const LogIndex index = repair.entry.header.index;
    waiting_.emplace(index, Waiting{std::move(repair), /*checked=*/true});
  }
  checking_.clear();
  return equal;
}

}  // namespace kappa::server
