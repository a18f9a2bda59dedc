#include "tests/checker/condition_check.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/checker/anomaly.h"
#include "tests/checker/description.h"

namespace kappa::checker {

void ConditionCheck::Run() {
  for (const Append& append : history_.appends) {
    if (append.outcome == Outcome::kFailed) CheckRefusal(append);
  }
  for (size_t i = 0; i < history_.batches.size(); ++i) {
    if (order_.Facts(i).stored()) CheckStored(i);
  }
}

void ConditionCheck::CheckRefusal(const Append& append) {
  if (!append.end || append.end != append.expected) return;
  findings_.Add(AnomalyKind::kFalseRefusal, [&] {
    return Anomaly{{},
                   history_.partitions[append.partition],
                   absl::StrCat("refused, since the end is ", *append.end,
                                ", which is what was expected; ",
                                Describe(history_, append)),
                   {append.invoke_line, append.return_line},
                   {*append.end},
                   {}};
  });
}

void ConditionCheck::CheckStored(size_t number) {
  const Batch& batch = history_.batches[number];
  const BatchFacts& facts = order_.Facts(number);
  const uint64_t base = facts.base;
  const Append* other = nullptr;  // an attempt that expects another offset
  for (const size_t attempt : batch.attempts) {
    const Append& append = history_.appends[attempt];
    if (append.outcome == Outcome::kFailed) continue;
    // Any of several attempts may be the one that was accepted; an
    // unconditional one at any offset.
    if (!append.expected || base == kNowhere) return;
    if (*append.expected == base) {
      CheckOnce(append);
      return;
    }
    if (other == nullptr || append.outcome == Outcome::kOk) other = &append;
  }
  if (other == nullptr) return;
  findings_.Add(AnomalyKind::kConditionWrongOffset, [&] {
    return Anomaly{
        {},
        history_.partitions[batch.partition],
        absl::StrCat("value ", DescribeValue(history_, batch.values.front()),
                     " was to be at offset ", *other->expected,
                     " or nowhere, and is at ", base, " by line ", facts.line,
                     "; ", Describe(history_, *other)),
        {other->invoke_line, facts.line},
        {*other->expected, base},
        {history_.values[batch.values.front()]}};
  });
  CheckOnce(*other);
}

void ConditionCheck::CheckOnce(const Append& append) {
  const auto [first, is_first] =
      accepted_.try_emplace({append.partition, *append.expected}, &append);
  if (is_first) return;
  findings_.Add(AnomalyKind::kConditionTwice, [&] {
    const Append& before = *first->second;
    return Anomaly{
        {},
        history_.partitions[append.partition],
        absl::StrCat("two appends that expect offset ", *append.expected,
                     " were accepted: ", Describe(history_, before), " and ",
                     Describe(history_, append)),
        {before.invoke_line, append.invoke_line},
        {*append.expected},
        {}};
  });
}

}  // namespace kappa::checker
