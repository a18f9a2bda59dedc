#include "tests/checker/summary.h"

#include <algorithm>
#include <vector>

namespace kappa::checker {

Summary::Summary(const History& history) {
  for (const Append& append : history.appends) Add(append);
  for (const Read& read : history.reads) {
    Add(read);
    for (const Delivery& delivery : read.deliveries) {
      for (const Stretch& stretch : delivery.stretches) {
        delivered_records += stretch.values.size();
      }
    }
  }
  for (const EndQuery& query : history.end_queries) Add(query);
  for (const Opening& opening : history.openings) Add(opening);
  final_reads = history.finals.size();
  AddBatches(history);
}

void Summary::AddBatches(const History& history) {
  std::vector<bool> is_final(history.values.size());
  for (const FinalRead& final : history.finals) {
    for (const Delivery& delivery : final.deliveries) {
      for (const Stretch& stretch : delivery.stretches) {
        final_records += stretch.values.size();
        for (const ValueId value : stretch.values) {
          is_final[static_cast<size_t>(value)] = true;
        }
      }
    }
  }
  for (const Batch& batch : history.batches) {
    const auto any = [&](Outcome outcome) {
      return std::any_of(batch.attempts.begin(), batch.attempts.end(),
                         [&](size_t attempt) {
                           return history.appends[attempt].outcome == outcome;
                         });
    };
    if (any(Outcome::kOk)) {
      ++acknowledged_batches;
      acknowledged_records += batch.values.size();
    } else if (any(Outcome::kUnknown)) {
      const bool stored = is_final[static_cast<size_t>(batch.values.front())];
      ++(stored ? unknown_stored : unknown_absent);
    }
  }
}

}  // namespace kappa::checker
