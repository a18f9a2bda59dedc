#include "tests/checker/progress_check.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/checker/anomaly.h"
#include "tests/checker/description.h"

namespace kappa::checker {

void ProgressCheck::Run() {
  marks_ = history_.marks;
  std::stable_sort(
      marks_.begin(), marks_.end(),
      [](const Mark& a, const Mark& b) { return a.time_us < b.time_us; });
  partitions_.resize(history_.partitions.size());
  std::vector<const Append*> appends;
  appends.reserve(history_.appends.size());
  for (const Append& append : history_.appends) appends.push_back(&append);
  std::sort(appends.begin(), appends.end(),
            [](const Append* a, const Append* b) {
              return a->invoke_us < b->invoke_us;
            });
  for (const Append* append : appends) {
    Partition& partition = partitions_[static_cast<size_t>(append->partition)];
    const int64_t last =
        partition.last_return_us.empty() ? 0 : partition.last_return_us.back();
    partition.begins_us.push_back(append->invoke_us);
    // Nobody waits for what never returned: its client may be gone.
    const int64_t return_us =
        append->return_line == 0 ? append->invoke_us : append->return_us;
    partition.last_return_us.push_back(std::max(last, return_us));
    if (append->outcome == Outcome::kOk) {
      partition.ok_us.push_back(append->return_us);
    }
  }
  for (Partition& partition : partitions_) {
    std::sort(partition.ok_us.begin(), partition.ok_us.end());
  }
  for (size_t i = 0; i < marks_.size(); ++i) {
    if (marks_[i].heal) CheckHeal(i);
  }
}

void ProgressCheck::CheckHeal(size_t mark) {
  int64_t until_us = history_.last_us;  // nothing is demanded later
  for (size_t i = mark + 1; i < marks_.size(); ++i) {
    if (marks_[i].heal) continue;
    until_us = std::min(until_us, marks_[i].time_us);
    break;
  }
  for (size_t i = 0; i < partitions_.size(); ++i) {
    CheckPartition(static_cast<PartitionId>(i), partitions_[i], marks_[mark],
                   until_us);
  }
}

void ProgressCheck::CheckPartition(PartitionId id, const Partition& partition,
                                   const Mark& heal, int64_t until_us) {
  const std::vector<int64_t>& begins = partition.begins_us;
  const auto next =
      std::upper_bound(begins.begin(), begins.end(), heal.time_us);
  // From when on somebody tries: one that was still trying, or the next one.
  int64_t tried_us = kNever;
  if (next != begins.end()) tried_us = *next;
  if (next != begins.begin() &&
      partition.last_return_us[next - begins.begin() - 1] >= heal.time_us) {
    tried_us = heal.time_us;
  }
  const int64_t within_us = heal.within_us.value_or(within_us_);
  if (tried_us == kNever || until_us - tried_us < within_us) return;
  const auto ok = std::lower_bound(partition.ok_us.begin(),
                                   partition.ok_us.end(), heal.time_us);
  if (ok != partition.ok_us.end() && *ok <= tried_us + within_us) return;
  findings_.Add(AnomalyKind::kNoProgress, [&] {
    return Anomaly{
        {},
        history_.partitions[id],
        absl::StrCat(
            "no append was acknowledged within ", within_us,
            " us after the heal of line ", heal.line, " at ",
            DescribeTime(history_, heal.time_us), "; appends were tried from ",
            DescribeTime(history_, tried_us), "; the next success was at ",
            ok == partition.ok_us.end() ? "no time at all"
                                        : DescribeTime(history_, *ok)),
        {heal.line},
        {},
        {}};
  });
}

}  // namespace kappa::checker
