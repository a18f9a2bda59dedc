#include "tests/checker/outcome_check.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/checker/anomaly.h"
#include "tests/checker/description.h"

namespace kappa::checker {

void OutcomeCheck::Run() {
  for (size_t i = 0; i < history_.batches.size(); ++i) {
    const Batch& batch = history_.batches[i];
    const BatchFacts& facts = order_.Facts(i);
    if (facts.acknowledged()) CheckAcknowledged(batch, facts);
    if (facts.failed) CheckFailed(batch);
    CheckVanished(batch);
  }
}

void OutcomeCheck::CheckAcknowledged(const Batch& batch,
                                     const BatchFacts& facts) {
  std::optional<size_t> first;  // missing value
  size_t missing = 0;
  for (size_t i = 0; i < batch.values.size(); ++i) {
    if (order_.Facts(batch.values[i]).final_line != 0) continue;
    if (!first) first = i;
    ++missing;
  }
  if (!first) return;
  const PartitionFacts& partition = order_.Facts(batch.partition);
  const Append& append = history_.appends[facts.ack];
  const bool beyond =
      append.offset && *append.offset + *first >= partition.read_end;
  findings_.Add(
      beyond ? AnomalyKind::kNeverSeen : AnomalyKind::kLostWrite, [&] {
        const ValueId value = batch.values[*first];
        Anomaly anomaly;
        anomaly.partition = history_.partitions[batch.partition];
        anomaly.text = absl::StrCat("value ", DescribeValue(history_, value),
                                    " was acknowledged");
        if (append.offset) {
          absl::StrAppend(&anomaly.text, " at offset ",
                          *append.offset + *first);
          anomaly.offsets = {*append.offset + *first};
        }
        absl::StrAppend(&anomaly.text, " and is in no final read (", missing,
                        " of the batch's ", batch.values.size(),
                        "); the longest one ends at ", partition.final_end,
                        ", the highest offset read anywhere is before ",
                        partition.read_end, "; ", Describe(history_, append));
        anomaly.lines = {append.invoke_line, append.return_line};
        anomaly.values = {history_.values[value]};
        return anomaly;
      });
}

void OutcomeCheck::CheckFailed(const Batch& batch) {
  for (const ValueId value : batch.values) {
    const ValueFacts& facts = order_.Facts(value);
    const size_t line =
        facts.final_line != 0 ? facts.final_line : facts.read_line;
    if (line == 0) continue;
    findings_.Add(
        facts.final_line != 0 ? AnomalyKind::kFalseFailure
                              : AnomalyKind::kAbortedRead,
        [&] {
          const Append& append = history_.appends[batch.attempts.back()];
          return Anomaly{
              {},
              history_.partitions[batch.partition],
              absl::StrCat("value ", DescribeValue(history_, value),
                           " did not happen, it was said, and line ", line,
                           " delivers it at offset ", facts.offset, "; ",
                           Describe(history_, append)),
              {append.invoke_line, append.return_line, line},
              {facts.offset},
              {history_.values[value]}};
        });
    return;
  }
}

void OutcomeCheck::CheckVanished(const Batch& batch) {
  const PartitionFacts& partition = order_.Facts(batch.partition);
  if (!partition.has_final) return;
  for (const ValueId value : batch.values) {
    const ValueFacts& facts = order_.Facts(value);
    if (facts.read_line == 0 || facts.final_line != 0) continue;
    findings_.Add(AnomalyKind::kVanishedRead, [&] {
      return Anomaly{{},
                     history_.partitions[batch.partition],
                     absl::StrCat("line ", facts.read_line, " delivers value ",
                                  DescribeValue(history_, value), " at offset ",
                                  facts.offset,
                                  "; it is in no final read, the longest one "
                                  "ends at ",
                                  partition.final_end),
                     {facts.read_line},
                     {facts.offset},
                     {history_.values[value]}};
    });
    return;
  }
}

}  // namespace kappa::checker
