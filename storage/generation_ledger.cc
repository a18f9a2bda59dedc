#include "storage/generation_ledger.h"

#include <random>

#include "absl/status/status.h"
#include "storage/row_format.h"

namespace kappa::storage {

void GenerationLedger::Begin(
    const std::vector<OpenRow>& earlier, const OpenRow& now,
    const std::map<Uuid, std::vector<Generation>>& evidence) {
  MutexLock lock(&mutex_);
  for (const OpenRow& open : earlier) {
    opens_.Begin(open.open_id, open.first_cycle);
  }
  opens_.Begin(now.open_id, now.first_cycle);
  promised_ = {now.open_id, now.first_cycle};
  newest_cycle_ = now.first_cycle;
  for (const auto& [disk, opens] : evidence) {
    for (const Generation& open : opens) table_.Record(disk, open);
  }
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
  if (table_.Record(disk, told)) news_.insert(disk);
}

std::vector<Generation> GenerationLedger::About(const Uuid& disk) const {
  MutexLock lock(&mutex_);
  return table_.EvidenceAbout(disk);
}

bool GenerationLedger::has_news() const {
  MutexLock lock(&mutex_);
  return !news_.empty();
}

std::vector<std::pair<Uuid, std::string>> GenerationLedger::TakeRows() {
  MutexLock lock(&mutex_);
  std::vector<std::pair<Uuid, std::string>> rows;
  for (const Uuid& disk : news_) {
    rows.emplace_back(disk, EncodeEvidenceRow(table_.EvidenceAbout(disk)));
  }
  news_.clear();
  return rows;
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

std::string EncodeEvidenceRow(absl::Span<const Generation> opens) {
  RowWriter out;
  out.Number32(static_cast<uint32_t>(opens.size()));
  for (const Generation& open : opens) {
    out.Number(open.open_id);
    out.Number(open.cycle);
  }
  return std::move(out).Finish();
}

absl::StatusOr<std::vector<Generation>> DecodeEvidenceRow(
    std::string_view bytes) {
  RowReader in(bytes);
  const uint32_t count = in.Number32();
  std::vector<Generation> opens;
  for (uint32_t i = 0; i < count && i < raft::GenerationTable::kOpensMax; ++i) {
    Generation& open = opens.emplace_back();
    open.open_id = in.Number();
    open.cycle = in.Number();
  }
  if (!in.Finish()) return absl::DataLossError("evidence row is damaged");
  return opens;
}

}  // namespace kappa::storage
