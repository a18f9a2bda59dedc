#include "tests/checker/read_order_check.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/checker/anomaly.h"
#include "tests/checker/description.h"

namespace kappa::checker {

void ReadOrderCheck::Run() {
  for (const Read& read : history_.reads) CheckRead(read);
}

void ReadOrderCheck::CheckRead(const Read& read) {
  std::optional<uint64_t> next = read.from;
  size_t line = read.invoke_line;
  const auto key = std::make_pair(read.process, read.partition);
  if (read.resume) {
    const auto position = positions_.find(key);
    if (position != positions_.end()) {
      next = position->second.next;
      line = position->second.line;
    }
  }
  for (const Delivery& delivery : read.deliveries) {
    CheckDelivery(read, delivery, &next, &line);
  }
  if (next) {
    positions_[key] = {*next, line};
  } else {
    positions_.erase(key);
  }
}

void ReadOrderCheck::CheckDelivery(const Read& read, const Delivery& delivery,
                                   std::optional<uint64_t>* next,
                                   size_t* line) {
  for (const EventGap& gap : delivery.gaps) {
    findings_.Add(AnomalyKind::kGap, [&] {
      return Anomaly{{},
                     history_.partitions[read.partition],
                     absl::StrCat("line ", delivery.line, " says that offsets ",
                                  gap.first, " to ", gap.next - 1,
                                  " are no more; nobody removed them; ",
                                  Describe(history_, read)),
                     {delivery.line},
                     {gap.first, gap.next},
                     {}};
    });
    if (*next == gap.first) *next = gap.next;
  }
  for (const Stretch& stretch : delivery.stretches) {
    if (*next && stretch.offset != **next) {
      const bool skips = stretch.offset > **next;
      findings_.Add(skips ? AnomalyKind::kSkip : AnomalyKind::kStepBack, [&] {
        return Anomaly{
            {},
            history_.partitions[read.partition],
            absl::StrCat("line ", delivery.line,
                         skips ? " skips from " : " steps back from ", **next,
                         " to ", stretch.offset, ", value ",
                         DescribeValue(history_, stretch.values.front()), "; ",
                         **next, " is next by line ", *line, "; ",
                         Describe(history_, read)),
            {*line, delivery.line},
            {**next, stretch.offset},
            {history_.values[stretch.values.front()]}};
      });
    }
    *next = stretch.offset + stretch.values.size();
    *line = delivery.line;
  }
}

}  // namespace kappa::checker
