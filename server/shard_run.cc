// Shard: which thread runs it, and when.
#include <algorithm>
#include <utility>

#include "server/shard.h"

namespace kappa::server {
namespace {

// What Help takes at most: some ten microseconds of work.
constexpr size_t kHelpEventsMax = 8;
constexpr size_t kHelpBytesMax = size_t{16} << 10;

}  // namespace

void Shard::Run() {
  std::vector<Event> events;
  while (queue_.Await()) {
    Begin();
    queue_.TakeNow(&events);
    // Somebody who helped may have been faster.
    if (!events.empty()) RunDrain(&events);
    End();
  }
  Begin();
  AbandonAll();
  End();
}

bool Shard::TryBegin() {
  MutexLock lock(&run_mutex_);
  if (running_) return false;
  running_ = true;
  return true;
}

void Shard::Begin() {
  MutexLock lock(&run_mutex_);
  thread_waits_ = true;
  while (running_) may_run_.Wait(&run_mutex_);
  thread_waits_ = false;
  running_ = true;
}

void Shard::End() {
  MutexLock lock(&run_mutex_);
  running_ = false;
  if (thread_waits_) may_run_.Signal();
}

bool Shard::Light(const Event& event) const {
  if (const auto* append = std::get_if<AppendEvent>(&event)) {
    return append->command.batch.payload.bytes() <= kHelpBytesMax &&
           partitions_.contains(append->command.group);
  }
  if (const auto* delivery = std::get_if<PeerDelivery>(&event)) {
    return CostOf(delivery->message) <= kHelpBytesMax &&
           partitions_.contains(delivery->message.message.group);
  }
  const auto* durable = std::get_if<DurableEvent>(&event);
  return durable != nullptr && durable->writes.size() <= kHelpEventsMax &&
         std::all_of(durable->writes.begin(), durable->writes.end(),
                     [this](const WriteInFlight& write) {
                       return partitions_.contains(write.group->group());
                     });
}

bool Shard::Light(const std::vector<Event>& events) const {
  return events.size() <= kHelpEventsMax &&
         std::all_of(events.begin(), events.end(),
                     [this](const Event& event) { return Light(event); });
}

void Shard::Help() {
  // Who runs the shard now looks at the queue once more when it is done.
  if (turns_ != nullptr || queue_.size() == 0 || !TryBegin()) return;
  std::vector<Event> events;
  queue_.TakeIf(
      [this](const std::vector<Event>& queued) { return Light(queued); },
      &events);
  if (!events.empty()) {
    counters_.helped_drains.Add(1);
    RunDrain(&events);
  }
  End();
  queue_.WakeIfAny();
}

bool Shard::RunTurn() {
  std::vector<Event> events;
  if (!queue_.TakeNow(&events)) {
    if (!ended_) AbandonAll();
    return false;
  }
  if (events.empty()) return false;
  RunDrain(&events);
  return true;
}

void Shard::OnDurable(std::vector<WriteInFlight> writes) {
  Event event(DurableEvent{std::move(writes)});
  if (services_.writer->waited_for()) {
    queue_.Put(event);
  } else if (queue_.Put(event, EventQueue<Event>::Wake::kLater)) {
    Help();
  }
}

}  // namespace kappa::server
