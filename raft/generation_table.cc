#include "raft/generation_table.h"

#include <algorithm>

namespace kappa::raft {

bool GenerationTable::Record(const Uuid& disk, const Generation& generation) {
  if (generation.open_id == 0) return false;
  auto known =
      std::find_if(disks_.begin(), disks_.end(),
                   [&](const DiskEvidence& row) { return row.disk == disk; });
  if (known == disks_.end()) {
    disks_.push_back(DiskEvidence{disk, {generation}});
    return true;
  }
  std::vector<Generation>& opens = known->opens;
  // Nearly always the newest.
  auto open = std::find_if(
      opens.rbegin(), opens.rend(),
      [&](const Generation& row) { return row.open_id == generation.open_id; });
  if (open != opens.rend()) {
    if (open->cycle >= generation.cycle) return false;
    open->cycle = generation.cycle;
    return true;
  }
  if (opens.size() == kOpensMax) opens.erase(opens.begin());
  opens.push_back(generation);
  return true;
}

std::vector<Generation> GenerationTable::EvidenceAbout(const Uuid& disk) const {
  for (const DiskEvidence& row : disks_) {
    if (row.disk == disk) return row.opens;
  }
  return {};
}

}  // namespace kappa::raft
