#include "tests/checker/batch_check.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/checker/description.h"

namespace kappa::checker {

void BatchCheck::Run() {
  for (size_t i = 0; i < history_.batches.size(); ++i) {
    if (history_.batches[i].values.size() == 1) continue;
    CheckContiguous(i);
    CheckWhole(i);
  }
  for (const EndQuery& query : history_.end_queries) {
    if (query.end) CheckEnd(query, *query.end);
  }
  for (const Read& read : history_.reads) {
    if (read.end) CheckEnd(read, *read.end);
  }
  for (const Append& append : history_.appends) {
    if (append.end) CheckEnd(append, *append.end);
  }
}

Anomaly BatchCheck::Torn(size_t number, std::string text) const {
  const Batch& batch = history_.batches[number];
  const Append& append = history_.appends[batch.attempts.front()];
  return Anomaly{{},
                 history_.partitions[batch.partition],
                 absl::StrCat(text, "; ", Describe(history_, append)),
                 {append.invoke_line},
                 {},
                 {}};
}

void BatchCheck::CheckContiguous(size_t number) {
  const Batch& batch = history_.batches[number];
  const uint64_t base = order_.Facts(number).base;
  if (base == kNowhere) return;
  for (size_t i = 0; i < batch.values.size(); ++i) {
    const ValueFacts& facts = order_.Facts(batch.values[i]);
    if (facts.offset == kNowhere || facts.offset == base + i) continue;
    findings_.Add(AnomalyKind::kTornBatch, [&] {
      Anomaly anomaly =
          Torn(number,
               absl::StrCat("record ", i, " of a batch of ",
                            batch.values.size(), " that is at offset ", base,
                            " by line ", order_.Facts(number).line, ", value ",
                            DescribeValue(history_, batch.values[i]),
                            ", is at offset ", facts.offset, " by line ",
                            facts.line));
      anomaly.lines.push_back(order_.Facts(number).line);
      anomaly.lines.push_back(facts.line);
      anomaly.offsets = {base, facts.offset};
      anomaly.values = {history_.values[batch.values[i]]};
      return anomaly;
    });
    return;
  }
}

void BatchCheck::CheckWhole(size_t number) {
  const Batch& batch = history_.batches[number];
  size_t present = 0, absent = 0;  // one that is, one that is not; from 1
  for (size_t i = 0; i < batch.values.size(); ++i) {
    (order_.Facts(batch.values[i]).final_line != 0 ? present : absent) = i + 1;
  }
  if (present == 0 || absent == 0) return;
  findings_.Add(AnomalyKind::kTornBatch, [&] {
    const ValueId value = batch.values[present - 1];
    const ValueFacts& facts = order_.Facts(value);
    Anomaly anomaly =
        Torn(number,
             absl::StrCat("of a batch of ", batch.values.size(),
                          " the final reads have record ", present - 1, ", ",
                          DescribeValue(history_, value), " at offset ",
                          facts.offset, " by line ", facts.final_line,
                          ", and not record ", absent - 1, ", ",
                          DescribeValue(history_, batch.values[absent - 1])));
    anomaly.lines.push_back(facts.final_line);
    anomaly.offsets = {facts.offset};
    anomaly.values = {history_.values[value],
                      history_.values[batch.values[absent - 1]]};
    return anomaly;
  });
}

void BatchCheck::CheckEnd(const Operation& operation, uint64_t end) {
  if (end == 0) return;
  const Slot* before = order_.Find(operation.partition, end - 1);
  const Slot* after = order_.Find(operation.partition, end);
  if (before == nullptr || after == nullptr) return;
  const ValueOrigin& first = history_.OriginOf(before->value);
  const ValueOrigin& second = history_.OriginOf(after->value);
  if (!first.sent() || first.batch != second.batch) return;
  findings_.Add(AnomalyKind::kTornBatch, [&] {
    Anomaly anomaly = Torn(
        first.batch, absl::StrCat("told end ", end, " lies inside a batch; ",
                                  Describe(history_, operation)));
    anomaly.lines.push_back(operation.return_line);
    anomaly.offsets = {end};
    return anomaly;
  });
}

}  // namespace kappa::checker
