#include "tests/checker/planted_history.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace kappa::checker {

PlantedHistory::PlantedHistory(std::vector<Event> events, uint64_t seed)
    : events_(std::move(events)), random_(seed) {
  Index();
}

void PlantedHistory::Index() {
  invokes_.clear();
  answers_.clear();
  attempts_.clear();
  for (size_t i = 0; i < events_.size(); ++i) {
    const Event& event = events_[i];
    switch (event.type) {
      case EventType::kInvoke:
        invokes_[event.op] = i;
        if (!event.values.empty()) ++attempts_[event.values.front()];
        break;
      case EventType::kOk:
      case EventType::kFail:
      case EventType::kUnknown:
        answers_[event.op] = i;
        break;
      default:
        break;
    }
    if (event.type != EventType::kFinal) {
      last_us_ = std::max(last_us_, event.time_us);
    }
  }
}

std::vector<PlantedHistory::Acked> PlantedHistory::AckedAppends(
    const BatchFilter& filter) {
  std::vector<Acked> acked;
  for (const auto& [op, answer] : answers_) {
    const size_t invoke = invokes_[op];
    if (events_[answer].type != EventType::kOk || !events_[answer].offset ||
        attempts_[events_[invoke].values.front()] != 1) {
      continue;
    }
    const Acked append{invoke, answer, *events_[answer].offset};
    if (filter == nullptr || filter(append)) acked.push_back(append);
  }
  return acked;
}

std::vector<size_t> PlantedHistory::Find(
    const std::function<bool(const Event&)>& fits) {
  std::vector<size_t> found;
  for (size_t i = 0; i < events_.size(); ++i) {
    if (fits(events_[i])) found.push_back(i);
  }
  return found;
}

std::optional<size_t> PlantedHistory::AnswerOf(uint64_t op) const {
  const auto found = answers_.find(op);
  if (found == answers_.end()) return std::nullopt;
  return found->second;
}

const std::string& PlantedHistory::PartitionOf(const Event& event) {
  if (event.type == EventType::kInvoke || event.type == EventType::kFinal) {
    return event.partition;
  }
  return InvokeOf(event).partition;
}

std::vector<size_t> PlantedHistory::Deliveries(size_t batches_min) {
  return Find([&](const Event& event) {
    return event.type != EventType::kFinal &&
           event.batches.size() >= batches_min && !event.batches.empty();
  });
}

void PlantedHistory::ForEachDelivery(
    const std::string& partition, const std::function<void(Event*)>& change) {
  for (Event& event : events_) {
    if (event.batches.empty() || PartitionOf(event) != partition) continue;
    change(&event);
  }
}

void PlantedHistory::Cut(const std::string& partition, uint64_t offset) {
  ForEachDelivery(partition, [&](Event* event) {
    std::erase_if(event->batches, [&](const EventBatch& batch) {
      return batch.offset >= offset;
    });
  });
  for (Event& event : events_) {
    if (event.type != EventType::kFinal || event.partition != partition) {
      continue;
    }
    if (event.end) event.end = offset;
    event.chain.reset();
  }
}

uint64_t PlantedHistory::FinalEnd(const std::string& partition) {
  for (const Event& event : events_) {
    if (event.type == EventType::kFinal && event.partition == partition &&
        event.end) {
      return *event.end;
    }
  }
  return 0;
}

uint64_t PlantedHistory::AddToFinals(const std::string& partition,
                                     const std::vector<std::string>& values) {
  const uint64_t end = FinalEnd(partition);
  for (Event& event : events_) {
    if (event.type != EventType::kFinal || event.partition != partition ||
        !event.end) {
      continue;
    }
    event.batches.push_back({end, values, {}, {}, {}});
    event.end = end + values.size();
    event.chain.reset();
  }
  return end;
}

void PlantedHistory::AddOperation(Event invoke, const Event* answer,
                                  int64_t time_us) {
  invoke.type = EventType::kInvoke;
  invoke.op = invokes_.rbegin()->first + 1;
  invoke.process = 1'000'000 + invoke.op;
  invoke.time_us = time_us;
  const uint64_t op = invoke.op;
  events_.push_back(std::move(invoke));
  if (answer != nullptr) {
    Event returned = *answer;
    returned.op = op;
    returned.time_us = time_us + 1;
    events_.push_back(std::move(returned));
  }
  Index();
}

std::string PlantedHistory::NewValue() {
  return absl::StrCat("new", new_values_++);
}

}  // namespace kappa::checker
