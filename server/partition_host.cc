#include "server/partition_host.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "proto/wire/check.h"
#include "proto/wire/mutex.h"
#include "server/errors.h"
#include "storage/chain.h"

namespace kappa::server {
namespace {

using storage::LogStore;
using storage::ReplicaInfo;
using storage::ReplicaSpec;

// Calls `done` once all parts have reported.
//
// Thread safety: thread-safe.
class Joint {
 public:
  Joint(size_t parts, absl::AnyInvocable<void()> done)
      : parts_(parts), done_(std::move(done)) {}

  void Report() {
    if (parts_.fetch_sub(1) == 1) done_();
  }

 private:
  std::atomic<size_t> parts_;
  absl::AnyInvocable<void()> done_;
};

// A replica is never made twice: who was a member once may still have it, and
// after a crash a command may be applied again whose replicas are there.
void LeaveOutPresent(const LogStore& store, std::vector<ReplicaSpec>* specs) {
  std::set<GroupId> present;
  for (const ReplicaInfo& replica : store.Replicas()) {
    present.insert(replica.spec.group);
  }
  // Of a topic that was changed twice, too.
  std::erase_if(*specs, [&present](const ReplicaSpec& spec) {
    return !present.insert(spec.group).second;
  });
}

// Replica numbers collected by several shards.
struct DroppedNumbers {
  Mutex mutex;
  std::vector<ReplicaNumber> numbers ABSL_GUARDED_BY(mutex);
};

}  // namespace

bool IsHost(const TopicSnapshot& topic, uint32_t partition, ReplicaId self) {
  const auto has_self = [self](absl::Span<const ReplicaId> members) {
    return std::find(members.begin(), members.end(), self) != members.end();
  };
  return has_self(topic.VotersOf(partition)) ||
         has_self(topic.FirstVotersOf(partition));
}

ReplicaSpec SpecOf(const TopicSnapshot& topic, uint32_t partition,
                   ReplicaId self) {
  const absl::Span<const ReplicaId> first = topic.FirstVotersOf(partition);
  KAPPA_CHECK(!first.empty(), "a group has members");
  ReplicaSpec spec;
  spec.group = topic.groups[partition];
  spec.configuration.voters.assign(first.begin(), first.end());
  spec.self = self;
  spec.chain_start = storage::ChainStart(topic.uuid, partition);
  return spec;
}

std::vector<NodeId> NodesOf(absl::Span<const ReplicaId> replicas) {
  std::vector<NodeId> nodes;
  for (const ReplicaId replica : replicas) nodes.push_back(replica.node);
  return nodes;
}

void TellElsewhere(const PartitionRouter& router,
                   const std::vector<ElsewhereGroup>& groups) {
  const size_t shards = router.shards().size();
  std::vector<std::vector<ElsewhereGroup>> parts(shards);
  for (const ElsewhereGroup& elsewhere : groups) {
    parts[elsewhere.group.value() % shards].push_back(elsewhere);
  }
  for (size_t i = 0; i < shards; ++i) {
    if (parts[i].empty()) continue;
    router.shards()[i]->Post([part = std::move(parts[i])](Shard& shard) {
      for (const ElsewhereGroup& elsewhere : part) {
        shard.AddElsewhere(elsewhere.group, elsewhere.nodes);
      }
    });
  }
}

void PlaceOnShards(const PartitionRouter& router,
                   std::vector<ReplicaInfo> replicas,
                   const FirstLeaders& first_leaders,
                   absl::AnyInvocable<void()> done) {
  const size_t shards = router.shards().size();
  std::vector<std::vector<std::pair<ReplicaInfo, std::optional<ReplicaId>>>>
      parts(shards);
  for (ReplicaInfo& replica : replicas) {
    const GroupId group = replica.spec.group;
    const auto leader = first_leaders.find(group);
    auto& part = parts[group.value() % shards];
    part.emplace_back(std::move(replica), std::nullopt);
    if (leader != first_leaders.end()) part.back().second = leader->second;
  }
  auto joint = std::make_shared<Joint>(shards, std::move(done));
  for (size_t i = 0; i < shards; ++i) {
    router.shards()[i]->Post(
        [joint, part = std::move(parts[i])](Shard& shard) mutable {
          for (auto& [replica, first_leader] : part) {
            shard.AddReplica(std::move(replica), first_leader);
          }
          joint->Report();
        });
  }
}

void PartitionHost::MakeReal(const TopicChange& change, bool deleted,
                             absl::AnyInvocable<void()> then) {
  waiting_.push_back({change.topic, change.first_new_partition,
                      change.other_members_before, change.changed, deleted,
                      std::move(then)});
  GoOn();
}

void PartitionHost::WhenReal(absl::AnyInvocable<void()> then) {
  Work nothing;
  nothing.then = std::move(then);
  waiting_.push_back(std::move(nothing));
  GoOn();
}

void PartitionHost::GoOn() {
  while (!creating_ && !waiting_.empty()) {
    if (waiting_.front().creates()) {
      CreateWaiting();
      return;
    }
    Work work = std::move(waiting_.front());
    waiting_.pop_front();
    if (work.deleted) {
      context_->topics->Withdraw(work.topic->topic.name());
      Drop(*work.topic);
    } else if (work.changed) {
      context_->topics->Publish(work.topic);
    }
    work.then();
  }
}

void PartitionHost::CreateWaiting() {
  creating_ = true;
  auto works = std::make_shared<std::vector<Work>>();
  std::vector<ReplicaSpec> specs;
  std::vector<ElsewhereGroup> elsewhere;
  FirstLeaders first_leaders;
  while (!waiting_.empty() && waiting_.front().creates()) {
    Work& work = waiting_.front();
    const TopicSnapshot& topic = *work.topic;
    const uint32_t partitions = static_cast<uint32_t>(topic.groups.size());
    const bool others = work.other_members_before != nullptr;
    for (uint32_t i = others ? 0 : work.first_new_partition; i < partitions;
         ++i) {
      if (IsHost(topic, i, context_->self)) {
        specs.push_back(SpecOf(topic, i, context_->self));
        // What was there before has had leaders.
        if (i >= work.first_new_partition) {
          first_leaders[topic.groups[i]] = topic.VotersOf(i).front();
        }
      } else {
        elsewhere.push_back({topic.groups[i], NodesOf(topic.VotersOf(i))});
      }
    }
    works->push_back(std::move(work));
    waiting_.pop_front();
  }
  TellElsewhere(*context_->router, elsewhere);
  auto replicas = std::make_shared<std::vector<ReplicaInfo>>();
  context_->writer->Run(
      [specs = std::move(specs), replicas](LogStore* store) mutable {
        LeaveOutPresent(*store, &specs);
        if (specs.empty()) return absl::OkStatus();
        absl::StatusOr<std::vector<ReplicaNumber>> numbers =
            store->CreateReplicas(specs);
        if (!numbers.ok()) return numbers.status();
        for (size_t i = 0; i < specs.size(); ++i) {
          replicas->push_back({(*numbers)[i], specs[i]});
        }
        return absl::OkStatus();
      },
      [this, context = context_, replicas, works,
       first_leaders = std::move(first_leaders)](absl::Status status) {
        if (!status.ok()) return context->on_fatal(status);
        PlaceOnShards(
            *context->router, std::move(*replicas), first_leaders,
            [this, context, works] {
              context->router->shards()[0]->Post(
                  [this, works](Shard&) { FinishCreating(std::move(*works)); });
            });
      });
}

void PartitionHost::FinishCreating(std::vector<Work> created) {
  for (Work& work : created) {
    context_->topics->Publish(work.topic);
    work.then();
  }
  creating_ = false;
  GoOn();
}

void PartitionHost::Drop(const TopicSnapshot& topic) {
  const size_t shards = context_->router->shards().size();
  std::vector<std::vector<GroupId>> parts(shards);
  for (const GroupId group : topic.groups) {
    parts[group.value() % shards].push_back(group);
  }
  auto dropped = std::make_shared<DroppedNumbers>();
  const std::string uuid = topic.topic.uuid();
  // Once everything is off the shards: drop, then forget that it was to be
  // dropped.
  auto joint = std::make_shared<Joint>(
      topic.groups.size(), [this, context = context_, dropped, uuid] {
        std::vector<ReplicaNumber> numbers;
        {
          MutexLock lock(&dropped->mutex);
          numbers = dropped->numbers;
        }
        for (const ReplicaNumber number : numbers) {
          context->log_reader->Forget(number);
        }
        context->writer->Run(
            [numbers](LogStore* store) { return store->DropReplicas(numbers); },
            [this, context, uuid](absl::Status status) {
              if (!status.ok()) return context->on_fatal(status);
              context->router->shards()[0]->Post([this, uuid](Shard& shard) {
                metadata_->ForgetPendingDrop(uuid);
                shard.Touch(metadata_);
              });
            });
      });
  const absl::Status gone =
      MakeError(v1::ERROR_REASON_TOPIC_NOT_FOUND, "the topic was deleted",
                {{"topic", topic.topic.name()}});
  for (size_t i = 0; i < shards; ++i) {
    context_->router->shards()[i]->Post(
        [joint, dropped, gone, part = std::move(parts[i])](Shard& shard) {
          for (const GroupId group : part) {
            shard.RemovePartition(
                group, gone,
                [joint, dropped](std::optional<ReplicaNumber> number) {
                  if (number.has_value()) {
                    MutexLock lock(&dropped->mutex);
                    dropped->numbers.push_back(*number);
                  }
                  joint->Report();
                });
          }
        });
  }
}

}  // namespace kappa::server
