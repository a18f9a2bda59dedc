#include "tests/checker/final_check.h"

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "tests/checker/anomaly.h"
#include "tests/checker/description.h"

namespace kappa::checker {

void FinalCheck::Run() {
  absl::flat_hash_map<PartitionId, const FinalRead*> first_reads;
  for (const FinalRead& final : history_.finals) {
    CheckDense(final);
    const FinalRead& first =
        *first_reads.try_emplace(final.partition, &final).first->second;
    CheckAlike(final, first);
  }
  CheckChains();
}

std::string FinalCheck::NodeOf(const FinalRead& final) const {
  return absl::StrCat("node ", history_.texts[final.node]);
}

void FinalCheck::CheckDense(const FinalRead& final) {
  uint64_t next = 0;
  const auto add = [&](AnomalyKind kind, size_t line, uint64_t offset,
                       const std::string& text) {
    findings_.Add(kind, [&] {
      return Anomaly{{},
                     history_.partitions[final.partition],
                     absl::StrCat(NodeOf(final), ", line ", line, ": ", text),
                     {line},
                     {next, offset},
                     {}};
    });
  };
  for (const Delivery& delivery : final.deliveries) {
    for (const EventGap& gap : delivery.gaps) {
      add(AnomalyKind::kGap, delivery.line, gap.next,
          absl::StrCat("says that offsets ", gap.first, " to ", gap.next - 1,
                       " are no more; nobody removed them"));
      if (next == gap.first) next = gap.next;
    }
    for (const Stretch& stretch : delivery.stretches) {
      if (stretch.offset > next) {
        add(AnomalyKind::kGap, delivery.line, stretch.offset,
            absl::StrCat("nothing at offsets ", next, " to ",
                         stretch.offset - 1, ", then ",
                         DescribeValue(history_, stretch.values.front())));
      } else if (stretch.offset < next) {
        add(AnomalyKind::kStepBack, delivery.line, stretch.offset,
            absl::StrCat("steps back from ", next, " to ", stretch.offset));
      }
      next = stretch.offset + stretch.values.size();
    }
  }
  if (*final.end > next) {
    add(AnomalyKind::kGap, final.line, *final.end,
        absl::StrCat("nothing at offsets ", next, " to ", *final.end - 1,
                     ", then the end"));
  } else if (*final.end < next) {
    add(AnomalyKind::kStaleEnd, final.line, *final.end,
        absl::StrCat("ends at ", *final.end, " and delivers up to ", next - 1));
  }
}

void FinalCheck::CheckAlike(const FinalRead& final, const FinalRead& first) {
  for (const Delivery& delivery : final.deliveries) {
    for (const Stretch& stretch : delivery.stretches) {
      for (size_t i = 0; i < stretch.values.size(); ++i) {
        const uint64_t offset = stretch.offset + i;
        const Seen<ValueId> seen{stretch.values[i], delivery.line, final.node};
        // What only others have shows in the ends.
        const Place place(final.partition, offset);
        if (&final == &first) {
          values_.try_emplace(place, seen);
          continue;
        }
        const auto other = values_.find(place);
        if (other == values_.end() || other->second.what == seen.what) continue;
        findings_.Add(AnomalyKind::kDivergence, [&] {
          return Anomaly{
              {},
              history_.partitions[final.partition],
              absl::StrCat("offset ", offset, " holds ",
                           DescribeValue(history_, other->second.what), " on ",
                           NodeOf(first), ", line ", other->second.line,
                           ", and ", DescribeValue(history_, seen.what), " on ",
                           NodeOf(final), ", line ", seen.line),
              {other->second.line, seen.line},
              {offset},
              {history_.values[other->second.what],
               history_.values[seen.what]}};
        });
      }
    }
  }
  if (*final.end == *first.end) return;
  findings_.Add(AnomalyKind::kDivergence, [&] {
    return Anomaly{{},
                   history_.partitions[final.partition],
                   absl::StrCat(NodeOf(first), " ends at ", *first.end,
                                ", line ", first.line, ", ", NodeOf(final),
                                " at ", *final.end, ", line ", final.line),
                   {first.line, final.line},
                   {*first.end, *final.end},
                   {}};
  });
}

void FinalCheck::CheckChains() {
  for (const Append& append : history_.appends) {
    if (append.outcome != Outcome::kOk || !append.chain) continue;
    const size_t count = history_.batches[append.batch].values.size();
    AddChain(append.partition, *append.offset + count, *append.chain,
             append.return_line);
  }
  for (const EndQuery& query : history_.end_queries) {
    if (!query.chain || !query.end) continue;
    AddChain(query.partition, *query.end, *query.chain, query.return_line);
  }
  for (const Read& read : history_.reads) {
    for (const Delivery& delivery : read.deliveries) {
      AddChains(read.partition, delivery);
    }
  }
  for (const FinalRead& final : history_.finals) {
    for (const Delivery& delivery : final.deliveries) {
      AddChains(final.partition, delivery);
    }
    if (final.chain) {
      AddChain(final.partition, *final.end, *final.chain, final.line);
    }
  }
}

void FinalCheck::AddChains(PartitionId partition, const Delivery& delivery) {
  for (const Stretch& stretch : delivery.stretches) {
    if (!stretch.chain) continue;
    AddChain(partition, stretch.offset + stretch.values.size(), *stretch.chain,
             delivery.line);
  }
}

void FinalCheck::AddChain(PartitionId partition, uint64_t end, TextId chain,
                          size_t line) {
  const Seen<TextId>& first =
      chains_.try_emplace(Place(partition, end), Seen<TextId>{chain, line, {}})
          .first->second;
  if (first.what == chain) return;
  findings_.Add(AnomalyKind::kDivergence, [&] {
    return Anomaly{
        {},
        history_.partitions[partition],
        absl::StrCat("the log up to offset ", end, " has digest ",
                     history_.texts[first.what], " by line ", first.line,
                     " and ", history_.texts[chain], " by line ", line),
        {first.line, line},
        {end},
        {}};
  });
}

}  // namespace kappa::checker
