#include "tests/checker/real_time_check.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/checker/anomaly.h"
#include "tests/checker/description.h"

namespace kappa::checker {

void RealTimeCheck::Run() {
  partitions_.resize(history_.partitions.size());
  AddBatches();
  AddReads();
  AddEnds();
  for (size_t i = 0; i < partitions_.size(); ++i) {
    CheckPartition(static_cast<PartitionId>(i), &partitions_[i]);
  }
}

void RealTimeCheck::AddBatches() {
  for (const Append& append : history_.appends) {
    if (append.outcome != Outcome::kOk || !append.offset) continue;
    const size_t count = history_.batches[append.batch].values.size();
    partitions_[static_cast<size_t>(append.partition)].records.push_back(
        {*append.offset + count, append.return_us, append.return_line});
  }
  for (size_t i = 0; i < history_.batches.size(); ++i) {
    const uint64_t base = order_.Facts(i).base;
    if (base == kNowhere) continue;
    const PartitionId partition = history_.batches[i].partition;
    partitions_[static_cast<size_t>(partition)].begins.push_back({base, i});
  }
}

void RealTimeCheck::AddReads() {
  for (const Read& read : history_.reads) {
    std::vector<Reach>& records =
        partitions_[static_cast<size_t>(read.partition)].records;
    for (const Delivery& delivery : read.deliveries) {
      uint64_t end = 0;
      for (const Stretch& stretch : delivery.stretches) {
        end = std::max(end, stretch.offset + stretch.values.size());
      }
      if (end != 0) records.push_back({end, delivery.time_us, delivery.line});
    }
  }
}

void RealTimeCheck::AddEnds() {
  const auto add = [&](const Operation& operation, uint64_t end,
                       bool linearizable) {
    partitions_[static_cast<size_t>(operation.partition)].ends.push_back(
        {&operation, end, linearizable});
  };
  for (const EndQuery& query : history_.end_queries) {
    if (query.end) add(query, *query.end, !query.committed);
  }
  for (const Read& read : history_.reads) {
    if (read.end) add(read, *read.end, !read.committed);
  }
  for (const Append& append : history_.appends) {
    if (append.end) add(append, *append.end, true);
  }
}

void RealTimeCheck::CheckPartition(PartitionId id, Partition* partition) {
  std::vector<Reach> reaches = partition->records;
  for (const ToldEnd& told : partition->ends) {
    reaches.push_back(
        {told.end, told.operation->return_us, told.operation->return_line});
  }
  const ReachIndex records(std::move(partition->records));
  for (const Begin& begin : partition->begins) CheckOrder(id, begin, records);

  std::vector<Begin>& begins = partition->begins;
  std::sort(begins.begin(), begins.end(),
            [](const Begin& a, const Begin& b) { return a.base < b.base; });
  const auto began_us = [&](size_t i) {
    return order_.Facts(begins[i].batch).invoke_us;
  };
  std::vector<size_t> latest(begins.size());
  for (size_t i = 1; i < begins.size(); ++i) {
    latest[i] = began_us(i) > began_us(latest[i - 1]) ? i : latest[i - 1];
  }
  const ReachIndex all(std::move(reaches));
  for (const ToldEnd& told : partition->ends) {
    CheckStale(id, told, all);
    CheckAhead(id, told, begins, latest);
  }
}

void RealTimeCheck::CheckOrder(PartitionId id, const Begin& begin,
                               const ReachIndex& records) {
  const Reach* reach = records.EarliestPast(begin.base);
  const BatchFacts& facts = order_.Facts(begin.batch);
  if (reach == nullptr || reach->time_us >= facts.invoke_us) return;
  findings_.Add(AnomalyKind::kOrder, [&] {
    const Batch& batch = history_.batches[begin.batch];
    const Append& append = history_.appends[batch.attempts.front()];
    return Anomaly{
        {},
        history_.partitions[id],
        absl::StrCat("value ", DescribeValue(history_, batch.values.front()),
                     " got offset ", begin.base, " by line ", facts.line,
                     "; before it was sent the log was behind that: line ",
                     reach->line, " shows offset ", reach->end - 1, " at ",
                     DescribeTime(history_, reach->time_us), "; ",
                     Describe(history_, append)),
        {reach->line, append.invoke_line, facts.line},
        {begin.base, reach->end - 1},
        {history_.values[batch.values.front()]}};
  });
}

void RealTimeCheck::CheckStale(PartitionId id, const ToldEnd& told,
                               const ReachIndex& all) {
  const Reach* reach = all.EarliestPast(told.end);
  const Operation& operation = *told.operation;
  if (reach == nullptr || reach->time_us >= operation.invoke_us) return;
  const int64_t lag_us = operation.invoke_us - reach->time_us;
  if (!told.linearizable) {
    findings_.AddLag(lag_us);
    return;
  }
  findings_.Add(AnomalyKind::kStaleEnd, [&] {
    return Anomaly{
        {},
        history_.partitions[id],
        absl::StrCat("told end ", told.end, ", which line ", reach->line,
                     " shows to be passed (end ", reach->end, ") at ",
                     DescribeTime(history_, reach->time_us), ", ", lag_us,
                     " us before the call began; ",
                     Describe(history_, operation)),
        {reach->line, operation.invoke_line, operation.return_line},
        {told.end, reach->end},
        {}};
  });
}

void RealTimeCheck::CheckAhead(PartitionId id, const ToldEnd& told,
                               const std::vector<Begin>& begins,
                               const std::vector<size_t>& latest) {
  const Operation& operation = *told.operation;
  const auto add = [&](const std::string& text, size_t line, uint64_t offset) {
    findings_.Add(AnomalyKind::kEndAhead, [&] {
      return Anomaly{{},
                     history_.partitions[id],
                     absl::StrCat("told end ", told.end, text, "; ",
                                  Describe(history_, operation)),
                     {operation.return_line, line},
                     {told.end, offset},
                     {}};
    });
  };
  const PartitionFacts& facts = order_.Facts(id);
  if (facts.has_final && told.end > facts.final_end) {
    add(absl::StrCat(", and the longest final read ends at ", facts.final_end),
        operation.return_line, facts.final_end);
    return;
  }
  const auto past = std::lower_bound(
      begins.begin(), begins.end(), told.end,
      [](const Begin& begin, uint64_t end) { return begin.base < end; });
  if (past == begins.begin()) return;
  const Begin& last = begins[latest[past - begins.begin() - 1]];
  if (order_.Facts(last.batch).invoke_us <= operation.return_us) return;
  const Append& append =
      history_.appends[history_.batches[last.batch].attempts.front()];
  add(absl::StrCat(", and what is at offset ", last.base,
                   " was sent only afterwards: ", Describe(history_, append)),
      append.invoke_line, last.base);
}

}  // namespace kappa::checker
