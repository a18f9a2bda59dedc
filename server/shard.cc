#include "server/shard.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "server/errors.h"
#include "server/log_reader.h"
#include "server/not_leader.h"
#include "server/replica_repair.h"
#include "storage/damaged_index.h"

namespace kappa::server {
namespace {

// A process that was stopped for a while must not take the time for its
// leaders' silence before it has read what they said meanwhile.
constexpr uint32_t kTicksAtOnceMax = 2;
// A replica that could not be opened is not opened again for a message.
constexpr int64_t kWakeAgainUs = 1'000'000;

absl::Status Overloaded(std::string_view what) {
  return MakeError(v1::ERROR_REASON_OVERLOADED, what,
                   {{"retry_after_ms", "50"}});
}

absl::Status ShuttingDown() {
  return MakeError(v1::ERROR_REASON_SHUTTING_DOWN, "the node shuts down");
}

}  // namespace

Shard::Shard(ShardOptions options, ShardServices services)
    : turns_(options.turns),
      queue_(options.queue_events_max),
      window_(options.window_bytes),
      services_(std::move(services)) {
  services_.window = &window_;
  services_.counters = &counters_;
  services_.report_damage = [this](GroupId group, ReplicaNumber replica,
                                   const absl::Status& status) {
    Post([group, replica, status](Shard& shard) {
      shard.NoteDamage(group, replica, status, /*confirmed=*/false);
    });
  };
  services_.post = [this](ShardGroup* group, absl::AnyInvocable<void()> work) {
    return Post([group, work = std::move(work)](Shard& shard) mutable {
      shard.Touch(group);
      work();
    });
  };
  services_.send = [this](std::vector<GroupMessage> messages) {
    for (GroupMessage& sent : messages) {
      const NodeId node = sent.message.to.node;
      PeerMessage& message = outbox_[node].emplace_back();
      message.message = std::move(sent.message);
      message.contents = std::move(sent.contents);
    }
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
  if (turns_ != nullptr) {
    turns_->Add(this, TurnKind::kShard, [this] { return RunTurn(); });
  } else {
    thread_ = std::thread([this] { Run(); });
  }
}

Shard::~Shard() { Stop(); }

void Shard::Stop() {
  queue_.Close();
  if (thread_.joinable()) thread_.join();
  if (turns_ == nullptr || ended_) return;
  while (RunTurn()) {
  }
  turns_->Remove(this);
}

// --- any thread ---

void Shard::Append(AppendCommand command, PendingAppend append) {
  Event event(AppendEvent{std::move(command), std::move(append)});
  if (queue_.TryPut(event, EventQueue<Event>::Wake::kLater)) return Help();
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

void Shard::Deliver(PeerDelivery delivery) {
  const auto wake = delivery.delivered_follows ? EventQueue<Event>::Wake::kLater
                                               : EventQueue<Event>::Wake::kNow;
  Event event(std::move(delivery));
  queue_.Put(event, wake);
}

void Shard::Tick() {
  if (!awaits_ticks_ || ticks_.fetch_add(1) > 0) return;
  Post([](Shard& shard) { shard.RunTicks(); });
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

// --- the thread that runs the shard ---

void Shard::RunDrain(std::vector<Event>* events) {
  counters_.drains.Add(1);
  counters_.events.Add(events->size());
  counters_.group_events.Add(static_cast<uint64_t>(
      std::count_if(events->begin(), events->end(), [](const Event& event) {
        return !std::holds_alternative<Task>(event);
      })));
  writer_congested_ = services_.writer->congested();
  for (Event& event : *events) Handle(std::move(event));
  events->clear();
  SubmitTouched();
  CheckConditions();
  awaits_ticks_ = !ticking_.empty() || !to_wake_.empty() || !to_tell_.empty() ||
                  !health_untold_sleepers_.empty();
  counters_.awake_partitions.Set(partitions_.size());
  counters_.window_bytes.Set(window_.bytes());
  counters_.window_entries.Set(window_.entries());
}

void Shard::AbandonAll() {
  ended_ = true;
  for (Partition* const partition : awake_) partition->Abandon(ShuttingDown());
  for (auto& group : other_groups_) group->Abandon(ShuttingDown());
  awake_.clear();
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
  } else if (auto* delivery = std::get_if<PeerDelivery>(&event)) {
    HandleDelivery(std::move(*delivery));
  } else {
    std::get<Task>(event)(*this);
  }
}

void Shard::HandleAppend(AppendEvent event) {
  if (mute_.load()) return event.append.Answer(ShuttingDown());
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
  TellHealthFirst(*partition);
  (*partition)->Append(std::move(event.command), std::move(event.append));
  Touch(*partition);
}

ShardGroup* Shard::FindAwakeGroup(GroupId group) {
  for (const std::unique_ptr<ShardGroup>& other : other_groups_) {
    if (other->group() == group) return other.get();
  }
  return FindAwake(group);
}

ShardGroup* Shard::FindGroup(GroupId group) {
  if (ShardGroup* const awake = FindAwakeGroup(group)) return awake;
  const auto failed = wake_again_us_.find(group);
  if (failed != wake_again_us_.end()) {
    if (services_.clock->MonotonicUs() < failed->second) return nullptr;
    wake_again_us_.erase(failed);
  }
  const absl::StatusOr<Partition*> partition = WakePartition(group);
  if (partition.ok()) return *partition;
  // Others go on sending to a replica whose rows are damaged.
  if (sleeping_.contains(group)) {
    wake_again_us_[group] = services_.clock->MonotonicUs() + kWakeAgainUs;
  }
  return nullptr;
}

void Shard::HandleDelivery(PeerDelivery delivery) {
  if (mute_.load()) return;
  PeerMessage& sent = delivery.message;
  ShardGroup* const group = FindGroup(sent.message.group);
  if (group == nullptr) return;
  TellHealthFirst(group);
  const absl::Status taken =
      group->Step(std::move(sent.message), std::move(sent.contents));
  if (!taken.ok()) counters_.messages_refused.Add(1);
  credits_.push_back(std::move(delivery.credit));
  Touch(group);
}

void Shard::RunTicks() {
  const uint32_t ticks = std::min(ticks_.exchange(0), kTicksAtOnceMax);
  if (mute_.load()) return;
  for (size_t i = 0; i < ticking_.size();) {
    ShardGroup* const group = ticking_[i];
    for (uint32_t tick = 0; tick < ticks; ++tick) group->Tick();
    if (group->has_output()) Touch(group);
    if (group->needs_ticks()) {
      ++i;
      continue;
    }
    group->ticking_ = false;
    ticking_[i] = ticking_.back();
    ticking_.pop_back();
  }
  if (!pacing_) WakeSome();
}

void Shard::HandOver(absl::AnyInvocable<void()> done) {
  when_handed_over_ = std::move(done);
  ending_ = true;
  const auto hand_over = [this](ShardGroup* group) {
    if (!group->leads() || !group->TransferLeadership(std::nullopt).ok()) {
      return;
    }
    handing_over_.push_back(group);
  };
  for (const auto& group : other_groups_) hand_over(group.get());
  for (Partition* const partition : awake_) hand_over(partition);
  SetDiskHealth(health_);
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
    ShardGroup* const group = touched_[i];
    group->touched_ = false;
    // One that slept was not told whether writes wait for memory.
    if (group->told_health_ != health_ && !HealthMatters(*group) &&
        !group->core().quiescent()) {
      TellHealth(group);
    }
    group->Advance(&cycle);
    if (!group->ticking_ && group->needs_ticks()) {
      group->ticking_ = true;
      ticking_.push_back(group);
    }
  }
  touched_.clear();
  SendMessages();
  std::vector<ReceiveCredit> credits = std::exchange(credits_, {});
  if (cycle.empty()) return;
  services_.writer->Submit(std::move(cycle.writes),
                           [this, in_flight = std::move(cycle.in_flight),
                            credits = std::move(credits)]() mutable {
                             credits.clear();
                             OnDurable(std::move(in_flight));
                           });
}

void Shard::SendMessages() {
  for (auto& [node, messages] : outbox_) {
    if (messages.empty()) continue;
    if (services_.network != nullptr && !mute_.load()) {
      services_.network->Send(node, std::move(messages));
    }
    messages.clear();
  }
}

void Shard::AddGroup(std::unique_ptr<ShardGroup> group) {
  TellHealth(group.get());
  other_groups_.push_back(std::move(group));
}

void Shard::AddReplica(storage::ReplicaInfo replica,
                       std::optional<ReplicaId> first_leader) {
  const GroupId group = replica.spec.group;
  if (first_leader.has_value()) first_leaders_[group] = *first_leader;
  const bool added = sleeping_.emplace(group, std::move(replica)).second;
  KAPPA_CHECK(added && FindAwake(group) == nullptr, "a group is there once");
  elsewhere_.erase(group);
  counters_.partitions.Add(1);
  if (!wakes_all_) return;
  to_wake_.push_back(group);
  if (!std::exchange(pacing_, true)) {
    Post([](Shard& shard) { shard.WakeSome(); });
  }
}

void Shard::AddElsewhere(GroupId group, std::vector<NodeId> nodes) {
  if (sleeping_.contains(group) || FindAwake(group) != nullptr) return;
  elsewhere_[group] = std::move(nodes);
}

std::optional<NodeId> Shard::FirstHeard(
    const std::vector<NodeId>& nodes) const {
  const auto heard =
      std::find_if_not(nodes.begin(), nodes.end(),
                       [this](NodeId node) { return silent_.contains(node); });
  if (heard == nodes.end()) return std::nullopt;
  return *heard;
}

absl::StatusOr<Partition*> Shard::WakePartition(GroupId group) {
  if (Partition* const awake = FindAwake(group)) return awake;
  const auto sleeping = sleeping_.find(group);
  if (!finishing_.ok()) return finishing_;
  if (sleeping == sleeping_.end()) {
    const auto elsewhere = elsewhere_.find(group);
    if (elsewhere != elsewhere_.end()) {
      return NotLeaderError(FirstHeard(elsewhere->second), services_.nodes);
    }
    return MakeError(v1::ERROR_REASON_TOPIC_NOT_FOUND,
                     "the topic does not exist any more");
  }
  absl::StatusOr<std::unique_ptr<Partition>> partition =
      Partition::Open(sleeping->second, &services_);
  if (!partition.ok()) {
    if (absl::IsDataLoss(partition.status()) &&
        unopened_.insert(group).second) {
      NoteUnopened(services_, group, sleeping->second.number,
                   partition.status());
    }
    return partition.status();
  }
  (*partition)->told_health_ = health_;
  (*partition)->SetDiskHealth(health_);
  (*partition)->Campaign();
  const auto first_leader = first_leaders_.find(group);
  if (first_leader != first_leaders_.end()) {
    (*partition)->PreferFirstLeader(first_leader->second);
    first_leaders_.erase(first_leader);
  }
  for (const NodeId node : silent_) (*partition)->OnNodeLiveness(node, false);
  FollowKnownDamage(partition->get());
  sleeping_.erase(sleeping);
  Partition* const awake = partition->get();
  partitions_.emplace(group, *std::move(partition));
  awake_.push_back(awake);
  Touch(awake);
  return awake;
}

Partition* Shard::FindAwake(GroupId group) {
  const auto found = partitions_.find(group);
  return found == partitions_.end() ? nullptr : found->second.get();
}

void Shard::ForEachGroup(
    absl::FunctionRef<void(const ShardGroup&)> look) const {
  for (const auto& group : other_groups_) look(*group);
  for (const Partition* const partition : awake_) look(*partition);
}

void Shard::FollowKnownDamage(Partition* partition) const {
  partition->SetKnownDamage(
      KnownDamageOf(services_, partition->group(), partition->number()));
}

void Shard::OnEntriesDamaged(GroupId group, LogIndex first, LogIndex last) {
  ShardGroup* const awake = FindAwakeGroup(group);
  if (awake == nullptr) return;
  awake->OnEntriesDamaged(first, last);
  Touch(awake);
}

void Shard::NoteDamage(GroupId group, ReplicaNumber replica,
                       const absl::Status& status, bool confirmed) {
  ShardGroup* const awake = FindAwakeGroup(group);
  // That group may have been given up, and be another replica's now.
  if (awake == nullptr || awake->number() != replica) return;
  const std::optional<LogIndex> index = storage::DamagedIndexOf(status);
  if (index.has_value()) {
    if (*index > awake->core().last().index) return;  // cut off meanwhile
    if (!confirmed && awake->MayBeReplaced(*index)) {
      return ConfirmDamage(
          services_, replica, *index,
          [this, group, replica, status](bool damaged) {
            Post([group, replica, status, damaged](Shard& shard) {
              shard.OnDamageConfirmed(group, replica, status, damaged);
            });
          });
    }
  }
  awake->StopDamaged(status);
  Touch(awake);
  if (!index.has_value()) return;
  OnEntriesDamaged(group, *index, *index);
  // What is not committed may be replaced by something whole.
  if (*index <= awake->core().committed()) {
    KeepDamage(services_, group, replica, *index, status);
  } else if (Partition* const partition = FindAwake(group)) {
    partition->KeepDamageOnceCommitted(status);
  }
}

void Shard::OnDamageConfirmed(GroupId group, ReplicaNumber replica,
                              const absl::Status& status, bool damaged) {
  if (damaged) return NoteDamage(group, replica, status, /*confirmed=*/true);
  Partition* const awake = FindAwake(group);
  if (awake == nullptr || awake->number() != replica) return;
  // It may have been stopped before others were told.
  awake->FollowRepairs();
  Touch(awake);
}

void Shard::RemovePartition(GroupId group, const absl::Status& status,
                            Removed done) {
  elsewhere_.erase(group);
  first_leaders_.erase(group);
  wake_again_us_.erase(group);
  unopened_.erase(group);
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
  for (Partition* const partition : awake_) partition->Close(status);
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
      std::erase(ticking_, partition);
      std::erase(handing_over_, partition);
      std::erase(awake_, partition);
      partitions_.erase(removals_[i].group);
      counters_.partitions.Subtract(1);
    }
    Removed done = std::move(removals_[i].done);
    removals_[i] = std::move(removals_.back());
    removals_.pop_back();
    done(number);
  }
  if (when_handed_over_ &&
      std::none_of(handing_over_.begin(), handing_over_.end(),
                   [](const ShardGroup* group) { return group->leads(); })) {
    handing_over_.clear();
    std::exchange(when_handed_over_, nullptr)();
  }
  if (when_finished_ && AllIdle()) std::exchange(when_finished_, nullptr)();
}

bool Shard::AllIdle() const {
  return std::all_of(
             awake_.begin(), awake_.end(),
             [](const Partition* partition) { return partition->idle(); }) &&
         std::all_of(other_groups_.begin(), other_groups_.end(),
                     [](const auto& group) { return group->idle(); });
}

}  // namespace kappa::server
