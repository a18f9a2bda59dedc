#include "tests/checker/content_check.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/checker/anomaly.h"
#include "tests/checker/description.h"

namespace kappa::checker {

void ContentCheck::Run() {
  for (const Sighting& sighting : order_.replaced()) {
    findings_.Add(AnomalyKind::kInconsistentOffset, [&] {
      const Slot& slot = *order_.Find(sighting.partition, sighting.offset);
      return Anomaly{
          {},
          history_.partitions[sighting.partition],
          absl::StrCat("offset ", sighting.offset, " holds ",
                       DescribeValue(history_, slot.value), " by line ",
                       slot.line, " and ",
                       DescribeValue(history_, sighting.value), " by line ",
                       sighting.line),
          {slot.line, sighting.line},
          {sighting.offset},
          {history_.values[slot.value], history_.values[sighting.value]}};
    });
  }
  for (const Sighting& sighting : order_.moved()) {
    findings_.Add(AnomalyKind::kDuplicate, [&] {
      const ValueFacts& facts = order_.Facts(sighting.value);
      return Anomaly{
          {},
          history_.partitions[sighting.partition],
          absl::StrCat("value ", DescribeValue(history_, sighting.value),
                       " is at offset ", facts.offset, " by line ", facts.line,
                       " and at offset ", sighting.offset, " by line ",
                       sighting.line),
          {facts.line, sighting.line},
          {facts.offset, sighting.offset},
          {history_.values[sighting.value]}};
    });
  }
  for (const Sighting& sighting : order_.unsent()) CheckUnsent(sighting);
  for (size_t i = 0; i < history_.values.size(); ++i) {
    CheckReadTime(static_cast<ValueId>(i));
  }
  for (const FinalRead& final : history_.finals) {
    for (const Delivery& delivery : final.deliveries) {
      CheckDigests(final.partition, delivery);
    }
  }
  for (const Read& read : history_.reads) {
    for (const Delivery& delivery : read.deliveries) {
      CheckDigests(read.partition, delivery);
    }
  }
}

void ContentCheck::CheckUnsent(const Sighting& sighting) {
  findings_.Add(AnomalyKind::kNeverAppended, [&] {
    const ValueOrigin& origin = history_.OriginOf(sighting.value);
    std::string text = absl::StrCat("line ", sighting.line, " delivers value ",
                                    DescribeValue(history_, sighting.value),
                                    " at offset ", sighting.offset, "; ");
    if (origin.sent()) {
      const PartitionId partition = history_.batches[origin.batch].partition;
      absl::StrAppend(&text, "it was appended to partition ",
                      history_.partitions[partition], " only");
    } else {
      absl::StrAppend(&text, "no append ever sent it");
    }
    return Anomaly{{},
                   history_.partitions[sighting.partition],
                   text,
                   {sighting.line},
                   {sighting.offset},
                   {history_.values[sighting.value]}};
  });
}

void ContentCheck::CheckReadTime(ValueId value) {
  const ValueOrigin& origin = history_.OriginOf(value);
  if (!origin.sent()) return;
  const ValueFacts& facts = order_.Facts(value);
  int64_t first_us = kNever;
  const Batch& batch = history_.batches[origin.batch];
  for (const size_t attempt : batch.attempts) {
    first_us = std::min(first_us, history_.appends[attempt].invoke_us);
  }
  if (facts.read_us == kNever || facts.read_us >= first_us) return;
  findings_.Add(AnomalyKind::kNeverAppended, [&] {
    const Append& append = history_.appends[batch.attempts.front()];
    return Anomaly{
        {},
        history_.partitions[batch.partition],
        absl::StrCat("line ", facts.read_line, " delivers value ",
                     DescribeValue(history_, value), " at ",
                     DescribeTime(history_, facts.read_us),
                     ", before anybody sent it: ", Describe(history_, append)),
        {facts.read_line, append.invoke_line},
        {facts.offset},
        {history_.values[value]}};
  });
}

void ContentCheck::CheckDigests(PartitionId partition,
                                const Delivery& delivery) {
  for (const Stretch& stretch : delivery.stretches) {
    for (size_t i = 0; i < stretch.digests.size(); ++i) {
      const ValueOrigin& origin = history_.OriginOf(stretch.values[i]);
      if (!origin.sent()) continue;
      const Batch& batch = history_.batches[origin.batch];
      if (batch.digests.empty() ||
          batch.digests[origin.index] == stretch.digests[i]) {
        continue;
      }
      findings_.Add(AnomalyKind::kAlteredBytes, [&] {
        const Append& append = history_.appends[batch.attempts.front()];
        return Anomaly{
            {},
            history_.partitions[partition],
            absl::StrCat("line ", delivery.line, " delivers value ",
                         DescribeValue(history_, stretch.values[i]),
                         " at offset ", stretch.offset + i,
                         " with bytes of digest ",
                         history_.texts[stretch.digests[i]], "; sent were ",
                         history_.texts[batch.digests[origin.index]], " by ",
                         Describe(history_, append)),
            {append.invoke_line, delivery.line},
            {stretch.offset + i},
            {history_.values[stretch.values[i]]}};
      });
    }
  }
}

}  // namespace kappa::checker
