#include "raft/open_history.h"

#include "proto/wire/check.h"

namespace kappa::raft {

void OpenHistory::Begin(uint64_t open_id, uint64_t first_cycle) {
  KAPPA_CHECK(open_id != 0, "an open has an id");
  KAPPA_CHECK(opens_.empty() || opens_.back().first_cycle < first_cycle,
              "each open has a cycle");
  opens_.push_back(Open{open_id, first_cycle});
}

bool OpenHistory::Covers(const Generation& evidence,
                         uint64_t newest_cycle) const {
  if (evidence.cycle == 0) return true;
  for (size_t i = 0; i < opens_.size(); ++i) {
    if (opens_[i].open_id != evidence.open_id) continue;
    const bool newest = i + 1 == opens_.size();
    const uint64_t end = newest ? newest_cycle : opens_[i + 1].first_cycle - 1;
    return evidence.cycle <= end;
  }
  return false;
}

}  // namespace kappa::raft
