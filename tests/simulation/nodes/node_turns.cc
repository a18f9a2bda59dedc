#include "tests/simulation/nodes/node_turns.h"

#include <algorithm>
#include <utility>

#include "proto/wire/check.h"

namespace kappa::node_simulation {

void NodeTurns::Add(const void* owner, TurnKind kind, Turn turn) {
  workers_.push_back({owner, kind, std::move(turn)});
  if (kind == TurnKind::kShard) {
    shards_.push_back(static_cast<const server::Shard*>(owner));
  }
}

void NodeTurns::Remove(const void* owner) {
  std::erase_if(workers_, [owner](const Worker& worker) {
    return worker.owner == owner;
  });
  std::erase(shards_, owner);
}

bool NodeTurns::RunUntil(const std::function<bool()>& holds,
                         std::optional<int64_t> timeout_us) {
  switch (waiting) {
    case Waiting::kNever:
      return holds();
    case Waiting::kTimeStands:
      while (!holds()) {
        bool worked = false;
        for (size_t i = 0; i < workers_.size(); ++i) {
          worked |= workers_[i].turn();
        }
        KAPPA_CHECK(worked || holds(), "nothing that is waited for can come");
      }
      return true;
    case Waiting::kWorldRuns:
      break;
  }
  const int64_t end_us = world_->now_us + timeout_us.value_or(10'000'000);
  KAPPA_CHECK(awaited_ == nullptr, "a node waits for one thing at a time");
  awaited_ = &holds;
  held_ = holds();
  // It may have died in the last step.
  while (!held_ && world_->now_us < end_us && waiting != Waiting::kNever) {
    run_world_();
    held_ = held_ || holds();
  }
  awaited_ = nullptr;
  return held_;
}

int64_t NodeTurns::DrawBusyUs(TurnKind kind) {
  switch (kind) {
    case TurnKind::kLogWriter:
      return world_->disks.Between(200, sync_us_max);
    case TurnKind::kReaders:
      return world_->disks.Between(0, 3'000);
    default:
      return world_->schedule.OneIn(8) ? kStepUs : 0;
  }
}

void NodeTurns::Step() {
  if (awaited_ != nullptr && !held_) held_ = (*awaited_)();
  const size_t first =
      workers_.empty() ? 0 : world_->schedule.Below(workers_.size());
  for (size_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = workers_[(first + i) % workers_.size()];
    if (world_->now_us < worker.free_at_us) continue;
    worker.free_at_us = world_->now_us + DrawBusyUs(worker.kind);
    worker.turn();
  }
}

void NodeTurns::RunWriter() {
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i].kind == TurnKind::kLogWriter) workers_[i].turn();
  }
}

}  // namespace kappa::node_simulation
