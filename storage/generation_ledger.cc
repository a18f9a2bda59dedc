#include "storage/generation_ledger.h"

#include <algorithm>
#include <random>
#include <tuple>

#include "absl/status/status.h"
#include "storage/row_format.h"

namespace kappa::storage {

void GenerationLedger::Begin(const std::vector<OpenRow>& earlier,
                             const OpenRow& now, const EvidenceRows& evidence) {
  MutexLock lock(&mutex_);
  for (const OpenRow& open : earlier) {
    opens_.Begin(open.open_id, open.first_cycle);
  }
  opens_.Begin(now.open_id, now.first_cycle);
  promised_ = {now.open_id, now.first_cycle};
  newest_cycle_ = now.first_cycle;
  std::vector<const EvidenceRows::value_type*> in_order;
  for (const auto& known : evidence) in_order.push_back(&known);
  std::sort(in_order.begin(), in_order.end(), [](const auto* a, const auto* b) {
    return a->second.order < b->second.order;
  });
  for (const auto* known : in_order) {
    const auto& [disk, open_id] = known->first;
    RecordLocked(disk, {open_id, known->second.cycle});
  }
  news_.clear();
  // Orders only need to grow; what is stored keeps its own.
  rows_ = evidence;
  if (!in_order.empty()) next_order_ = in_order.back()->second.order + 1;
}

Generation GenerationLedger::Promised() const {
  MutexLock lock(&mutex_);
  return promised_;
}

bool GenerationLedger::Covers(const Generation& told) const {
  MutexLock lock(&mutex_);
  return opens_.Covers(told, newest_cycle_);
}

void GenerationLedger::Note(const Uuid& disk, const Generation& told) {
  MutexLock lock(&mutex_);
  RecordLocked(disk, told);
}

void GenerationLedger::RecordLocked(const Uuid& disk, const Generation& told) {
  const Open open(disk, told.open_id);
  const auto known = rows_.find(open);
  if (known != rows_.end()) {
    if (!table_.Record(disk, told)) return;
    known->second.cycle = told.cycle;
    news_.insert(open);
    return;
  }
  const std::vector<Generation> before = table_.EvidenceAbout(disk);
  if (!table_.Record(disk, told)) return;
  rows_[open] = {.cycle = told.cycle, .order = next_order_++};
  news_.insert(open);
  if (before.size() < raft::GenerationTable::kOpensMax) return;
  // The oldest has made room.
  const Open oldest(disk, before.front().open_id);
  rows_.erase(oldest);
  news_.insert(oldest);
}

std::vector<Generation> GenerationLedger::About(const Uuid& disk) const {
  MutexLock lock(&mutex_);
  return table_.EvidenceAbout(disk);
}

bool GenerationLedger::has_news() const {
  MutexLock lock(&mutex_);
  return !news_.empty();
}

std::vector<GenerationLedger::Change> GenerationLedger::TakeRows() {
  MutexLock lock(&mutex_);
  std::vector<Change> changes;
  for (const Open& open : news_) {
    Change& change = changes.emplace_back();
    std::tie(change.disk, change.open_id) = open;
    const auto row = rows_.find(open);
    if (row != rows_.end()) change.row = row->second;
  }
  news_.clear();
  return changes;
}

void GenerationLedger::OnDurable(uint64_t cycle, bool promises) {
  MutexLock lock(&mutex_);
  newest_cycle_ = cycle;
  if (promises) promised_.cycle = cycle;
}

uint64_t RandomOpenId() {
  std::random_device random;
  uint64_t id = 0;
  while (id == 0) {
    id = uint64_t{random()} << 32 | uint64_t{random()};
  }
  return id;
}

std::string EncodeEvidenceRow(const EvidenceRow& row) {
  RowWriter out;
  out.Number(row.cycle);
  out.Number(row.order);
  return std::move(out).Finish();
}

absl::StatusOr<EvidenceRow> DecodeEvidenceRow(std::string_view bytes) {
  RowReader in(bytes);
  EvidenceRow row;
  row.cycle = in.Number();
  row.order = in.Number();
  if (!in.Finish()) return absl::DataLossError("evidence row is damaged");
  return row;
}

}  // namespace kappa::storage
