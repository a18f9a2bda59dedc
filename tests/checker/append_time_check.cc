#include "tests/checker/append_time_check.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/checker/anomaly.h"

namespace kappa::checker {

void AppendTimeCheck::Run() {
  points_.resize(history_.partitions.size());
  for (const Append& append : history_.appends) {
    if (append.outcome != Outcome::kOk || !append.append_time_us) continue;
    const size_t count = history_.batches[append.batch].values.size();
    points_[static_cast<size_t>(append.partition)].push_back(
        {*append.offset, *append.offset + count, *append.append_time_us,
         append.return_line});
  }
  for (const FinalRead& final : history_.finals) {
    for (const Delivery& delivery : final.deliveries) {
      Add(final.partition, delivery);
    }
  }
  for (const Read& read : history_.reads) {
    for (const Delivery& delivery : read.deliveries) {
      Add(read.partition, delivery);
    }
  }
  for (size_t i = 0; i < points_.size(); ++i) {
    CheckPartition(static_cast<PartitionId>(i));
  }
}

void AppendTimeCheck::Add(PartitionId partition, const Delivery& delivery) {
  for (const Stretch& stretch : delivery.stretches) {
    if (!stretch.append_time_us) continue;
    points_[static_cast<size_t>(partition)].push_back(
        {stretch.offset, stretch.offset + stretch.values.size(),
         *stretch.append_time_us, delivery.line});
  }
}

void AppendTimeCheck::CheckPartition(PartitionId partition) {
  std::vector<Point>& points = points_[static_cast<size_t>(partition)];
  std::sort(points.begin(), points.end(), [](const Point& a, const Point& b) {
    return std::tie(a.offset, a.time_us) < std::tie(b.offset, b.time_us);
  });
  size_t farthest = 0;  // of the points so far
  for (size_t i = 1; i < points.size(); ++i) {
    const Point& before = points[farthest];
    const Point& point = points[i];
    if (point.next > before.next) farthest = i;
    const bool same_record = point.offset < before.next;
    if (same_record ? point.time_us == before.time_us
                    : point.time_us >= before.time_us) {
      continue;
    }
    findings_.Add(AnomalyKind::kAppendTime, [&] {
      return Anomaly{
          {},
          history_.partitions[partition],
          absl::StrCat(same_record ? "a record has two append times: offset "
                                   : "append time falls: offset ",
                       before.offset, " has ", before.time_us, " us by line ",
                       before.line, ", offset ", point.offset, " has ",
                       point.time_us, " us by line ", point.line),
          {before.line, point.line},
          {before.offset, point.offset},
          {}};
    });
  }
}

}  // namespace kappa::checker
