#include "tests/simulation/nodes/history.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/checker/check.h"
#include "tests/checker/event_json.h"
#include "tests/checker/findings.h"
#include "tests/checker/history_builder.h"
#include "tests/checker/report.h"

namespace kappa::node_simulation {

uint64_t History::Invoke(checker::Event event) {
  event.type = checker::EventType::kInvoke;
  event.op = next_op_++;
  const uint64_t op = event.op;
  Add(std::move(event));
  return op;
}

void History::Add(checker::Event event) {
  // What happens within one step has an order too.
  last_us_ = std::max(world_->now_us, last_us_ + 1);
  event.time_us = last_us_;
  world_->Trace(3, event.op * 16 + static_cast<uint64_t>(event.type));
  events_.push_back(std::move(event));
}

std::string History::Check() const {
  checker::HistoryBuilder builder;
  for (const checker::Event& event : events_) {
    const absl::Status added = builder.Add(event);
    if (!added.ok()) return absl::StrCat("history: ", added.message());
  }
  const auto history = std::move(builder).Finish();
  if (!history.ok()) {
    return absl::StrCat("history: ", history.status().message());
  }
  const checker::Findings findings = checker::CheckHistory(*history, {});
  if (findings.empty()) return "";
  return checker::TextReport(*history, findings);
}

std::string History::ToText() const {
  std::string text;
  for (const checker::Event& event : events_) {
    absl::StrAppend(&text, checker::FormatEvent(event), "\n");
  }
  return text;
}

}  // namespace kappa::node_simulation
