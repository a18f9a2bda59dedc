#include "server/shard.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "server/errors.h"
#include "server/log_reader.h"

namespace kappa::server {
namespace {

absl::Status Overloaded(std::string_view what) {
  return MakeError(v1::ERROR_REASON_OVERLOADED, what,
                   {{"retry_after_ms", "50"}});
}

absl::Status ShuttingDown() {
  return MakeError(v1::ERROR_REASON_SHUTTING_DOWN, "the node shuts down");
}

}  // namespace

Shard::Shard(ShardOptions options, ShardServices services)
    : queue_(options.queue_events_max),
      window_(options.window_bytes),
      services_(std::move(services)) {
  services_.window = &window_;
  services_.counters = &counters_;
  services_.report_damage = [this](GroupId group, const absl::Status& status) {
    Post([group, status](Shard& shard) {
      Partition* partition = shard.FindAwake(group);
      if (partition != nullptr) partition->StopDamaged(status);
    });
  };
  services_.post = [this](ShardGroup* group, absl::AnyInvocable<void()> work) {
    return Post([group, work = std::move(work)](Shard& shard) mutable {
      shard.Touch(group);
      work();
    });
  };
  services_.post_to_partition =
      [this](GroupId group, absl::AnyInvocable<void(Partition&)> work) {
        Post([group, work = std::move(work)](Shard& shard) mutable {
          Partition* partition = shard.FindAwake(group);
          if (partition == nullptr) return;
          work(*partition);
          shard.Touch(partition);
        });
      };
  thread_ = std::thread([this] { Run(); });
}

Shard::~Shard() { Stop(); }

void Shard::Stop() {
  queue_.Close();
  if (thread_.joinable()) thread_.join();
}

// --- any thread ---

void Shard::Append(AppendCommand command, PendingAppend append) {
  Event event(AppendEvent{std::move(command), std::move(append)});
  if (queue_.TryPut(event)) return;
  PendingAppend refused = std::move(std::get<AppendEvent>(event).append);
  const absl::Status status = Refusal();
  counters_.refusals.Count(status);
  refused.Answer(status);
}

bool Shard::TryPost(Task& task) {
  Event event(std::move(task));
  if (queue_.TryPut(event)) return true;
  task = std::move(std::get<Task>(event));
  return false;
}

bool Shard::Post(Task task) {
  Event event(std::move(task));
  return queue_.Put(event);
}

absl::Status Shard::Refusal() const {
  return queue_.closed() ? ShuttingDown()
                         : Overloaded("the shard's queue is full");
}

ShardStats Shard::stats() const {
  ShardStats stats = counters_.Snapshot();
  stats.queued_events = queue_.size();
  return stats;
}

// --- the shard's thread ---

void Shard::Run() {
  std::vector<Event> events;
  while (queue_.TakeAll(&events)) {
    counters_.drains.Add(1);
    counters_.events.Add(events.size());
    writer_congested_ = services_.writer->congested();
    for (Event& event : events) Handle(std::move(event));
    events.clear();
    SubmitTouched();
    CheckConditions();
    counters_.awake_partitions.Set(partitions_.size());
    counters_.window_bytes.Set(window_.bytes());
    counters_.window_entries.Set(window_.entries());
  }
  for (auto& [id, partition] : partitions_) partition->Abandon(ShuttingDown());
  for (auto& group : other_groups_) group->Abandon(ShuttingDown());
  partitions_.clear();
  other_groups_.clear();
}

void Shard::Handle(Event event) {
  if (auto* append = std::get_if<AppendEvent>(&event)) {
    HandleAppend(std::move(*append));
  } else if (auto* durable = std::get_if<DurableEvent>(&event)) {
    for (const WriteInFlight& write : durable->writes) {
      write.group->OnDurable(write);
      Touch(write.group);
    }
  } else {
    std::get<Task>(event)(*this);
  }
}

void Shard::HandleAppend(AppendEvent event) {
  absl::StatusOr<Partition*> partition = WakePartition(event.command.group);
  absl::Status refusal = partition.status();
  if (refusal.ok() && writer_congested_) {
    refusal = Overloaded("the log writer's queue is full");
  }
  if (!refusal.ok()) {
    counters_.refusals.Count(refusal);
    event.append.Answer(std::move(refusal));
    return;
  }
  (*partition)->Append(std::move(event.command), std::move(event.append));
  Touch(*partition);
}

void Shard::Touch(ShardGroup* group) {
  if (group->touched_) return;
  group->touched_ = true;
  touched_.push_back(group);
}

void Shard::SubmitTouched() {
  if (touched_.empty()) return;
  WriteCycle cycle;
  // Advancing one group may touch another.
  for (size_t i = 0; i < touched_.size(); ++i) {
    touched_[i]->touched_ = false;
    touched_[i]->Advance(&cycle);
  }
  touched_.clear();
  if (cycle.empty()) return;
  services_.writer->Submit(
      std::move(cycle.writes),
      [this, in_flight = std::move(cycle.in_flight)]() mutable {
        Event event(DurableEvent{std::move(in_flight)});
        queue_.Put(event);
      });
}

void Shard::AddGroup(std::unique_ptr<ShardGroup> group) {
  Touch(group.get());
  other_groups_.push_back(std::move(group));
}

void Shard::AddReplica(storage::ReplicaInfo replica) {
  const GroupId group = replica.spec.group;
  const bool added = sleeping_.emplace(group, std::move(replica)).second;
  KAPPA_CHECK(added && FindAwake(group) == nullptr, "a group is there once");
  counters_.partitions.Add(1);
}

absl::StatusOr<Partition*> Shard::WakePartition(GroupId group) {
  if (Partition* const awake = FindAwake(group)) return awake;
  const auto sleeping = sleeping_.find(group);
  if (!finishing_.ok()) return finishing_;
  if (sleeping == sleeping_.end()) {
    return MakeError(v1::ERROR_REASON_TOPIC_NOT_FOUND,
                     "the topic does not exist any more");
  }
  absl::StatusOr<std::unique_ptr<Partition>> partition =
      Partition::Open(sleeping->second, &services_);
  if (!partition.ok()) return partition.status();
  (*partition)->Campaign();
  FollowKnownDamage(partition->get());
  sleeping_.erase(sleeping);
  Partition* const awake = partition->get();
  partitions_.emplace(group, *std::move(partition));
  Touch(awake);
  return awake;
}

Partition* Shard::FindAwake(GroupId group) {
  const auto found = partitions_.find(group);
  return found == partitions_.end() ? nullptr : found->second.get();
}

void Shard::FollowKnownDamage(Partition* partition) const {
  const auto damage = services_.known_damage->FirstIn(
      partition->number(), LogIndex(0),
      LogIndex(std::numeric_limits<uint64_t>::max()));
  partition->SetKnownDamage(
      damage.has_value()
          ? ReadErrorOf(KnownDamageError(*damage), partition->group())
          : absl::OkStatus());
}

void Shard::RemovePartition(GroupId group, const absl::Status& status,
                            Removed done) {
  const auto sleeping = sleeping_.find(group);
  if (sleeping != sleeping_.end()) {
    const ReplicaNumber number = sleeping->second.number;
    sleeping_.erase(sleeping);
    counters_.partitions.Subtract(1);
    return done(number);
  }
  Partition* const partition = FindAwake(group);
  if (partition == nullptr) return done(std::nullopt);
  partition->Close(status);
  Touch(partition);
  removals_.push_back({group, std::move(done)});
}

void Shard::Finish(const absl::Status& status,
                   absl::AnyInvocable<void()> done) {
  finishing_ = status;
  when_finished_ = std::move(done);
  for (auto& [id, partition] : partitions_) partition->Close(status);
}

void Shard::CheckConditions() {
  for (size_t i = 0; i < removals_.size();) {
    Partition* const partition = FindAwake(removals_[i].group);
    if (partition != nullptr && !partition->idle()) {
      ++i;
      continue;
    }
    std::optional<ReplicaNumber> number;
    if (partition != nullptr) {
      number = partition->number();
      partitions_.erase(removals_[i].group);
      counters_.partitions.Subtract(1);
    }
    Removed done = std::move(removals_[i].done);
    removals_[i] = std::move(removals_.back());
    removals_.pop_back();
    done(number);
  }
  if (when_finished_ && AllIdle()) std::exchange(when_finished_, nullptr)();
}

bool Shard::AllIdle() const {
  return std::all_of(partitions_.begin(), partitions_.end(),
                     [](const auto& item) { return item.second->idle(); }) &&
         std::all_of(other_groups_.begin(), other_groups_.end(),
                     [](const auto& group) { return group->idle(); });
}

}  // namespace kappa::server
