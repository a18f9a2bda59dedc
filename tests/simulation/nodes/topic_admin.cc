#include "tests/simulation/nodes/topic_admin.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kappa::node_simulation {
namespace {

constexpr int64_t kTimeoutUs = 3'000'000;

// Passes on whether it went well.
template <typename T>
server::Node::Callback<T> Told(server::Node::Callback<bool> done) {
  return [done = std::move(done)](absl::StatusOr<T> answer) mutable {
    if (!answer.ok()) return done(answer.status());
    done(true);
  };
}

}  // namespace

void TopicAdmin::Create(const std::string& topic, uint32_t partitions,
                        uint32_t replicas, bool workload) {
  work_.push_back({Kind::kCreate, topic, partitions, replicas, workload});
}

void TopicAdmin::SetReplicas(const std::string& topic, uint32_t replicas) {
  work_.push_back({Kind::kReplicas, topic, 0, replicas, false});
  moved_.insert(topic);
}

void TopicAdmin::AddPartitions(const std::string& topic, uint32_t partitions,
                               bool workload) {
  work_.push_back({Kind::kPartitions, topic, partitions, 0, workload});
}

void TopicAdmin::Delete(const std::string& topic) {
  work_.push_back({Kind::kDelete, topic, 0, 0, false});
}

uint32_t TopicAdmin::FewestReplicas() const {
  uint32_t fewest = std::numeric_limits<uint32_t>::max();
  for (const auto& [topic, count] : replicas_) {
    fewest = std::min(fewest, count);
  }
  for (const Work& work : work_) {
    const bool sets =
        work.kind == Kind::kCreate || work.kind == Kind::kReplicas;
    if (sets) fewest = std::min(fewest, work.replicas);
  }
  return fewest;
}

void TopicAdmin::Step() {
  if (synced_.under_way()) return TakeSync();
  if (!asked_.under_way()) {
    if (pausing() || work_.empty()) return;
    SimulatedNode* const node = Chosen();
    if (node == nullptr) return Pause(50'000);
    return Begin(work_.front(), node);
  }
  const auto answer = asked_.Take();
  if (!answer.has_value()) return;
  const std::string reason = ReasonOf(answer->status());
  const bool done = answer->ok() || (reason == "TOPIC_NOT_FOUND" &&
                                     work_.front().kind == Kind::kDelete);
  if (done) {
    const Work work = std::move(work_.front());
    work_.pop_front();
    return OnDone(work);
  }
  // A node that was too few may have joined for others only.
  if (reason == "TOO_FEW_NODES") work_.pop_front();
  Follow(answer->status());
  Pause(100'000);
}

void TopicAdmin::Begin(const Work& work, SimulatedNode* node) {
  auto done = asked_.Begin(&world(), *node, kTimeoutUs);
  switch (work.kind) {
    case Kind::kCreate: {
      v1::CreateTopicRequest request;
      request.set_name(work.topic);
      request.set_partitions(work.partitions);
      request.set_replicas(work.replicas);
      request.set_deletion_protection(false);
      return node->node()->CreateTopic(
          std::move(request), Told<v1::CreateTopicResponse>(std::move(done)));
    }
    case Kind::kReplicas: {
      v1::UpdateTopicRequest request;
      request.set_name(work.topic);
      request.set_replicas(work.replicas);
      return node->node()->UpdateTopic(
          std::move(request), Told<v1::UpdateTopicResponse>(std::move(done)));
    }
    case Kind::kPartitions: {
      v1::AddPartitionsRequest request;
      request.set_name(work.topic);
      request.set_partitions(work.partitions);
      request.set_accept_key_movement(true);
      return node->node()->AddPartitions(
          std::move(request), Told<v1::AddPartitionsResponse>(std::move(done)));
    }
    case Kind::kDelete: {
      v1::DeleteTopicRequest request;
      request.set_name(work.topic);
      return node->node()->DeleteTopic(
          std::move(request), Told<v1::DeleteTopicResponse>(std::move(done)));
    }
  }
}

void TopicAdmin::OnDone(const Work& work) {
  world().Say(absl::StrCat("topic ", work.topic, ": done ",
                           static_cast<int>(work.kind)));
  switch (work.kind) {
    case Kind::kCreate:
      ++world().counts.topics_made;
      topics_[work.topic] = work.partitions;
      replicas_[work.topic] = work.replicas;
      AddPlaces(work);
      return BeginSync();
    case Kind::kReplicas:
      replicas_[work.topic] = work.replicas;
      ++world().counts.replica_updates;
      return;
    case Kind::kPartitions:
      topics_[work.topic] = work.partitions;
      AddPlaces(work);
      return;
    case Kind::kDelete:
      topics_.erase(work.topic);
      replicas_.erase(work.topic);
      return;
  }
}

void TopicAdmin::AddPlaces(const Work& work) {
  if (!work.workload) return;
  for (uint32_t i = 0; i < work.partitions; ++i) {
    const bool known =
        std::any_of(around_->places.begin(), around_->places.end(),
                    [&](const Place& place) {
                      return place.topic == work.topic && place.partition == i;
                    });
    if (!known) around_->places.push_back({work.topic, i});
  }
}

void TopicAdmin::BeginSync() {
  node_ = AnyNode().value_or(0);
  synced_at_ = Chosen();
  if (synced_at_ == nullptr) return;
  auto done = synced_.Begin(&world(), *synced_at_, kTimeoutUs);
  // What it knows in that moment counts.
  synced_at_->node()->SyncTopics(
      [this, node = synced_at_->node(), process = synced_at_->process(),
       at = synced_at_,
       done = std::move(done)](const absl::Status& status) mutable {
        if (!status.ok()) return done(status);
        if (at->process() == process) {
          for (const auto& [name, partitions] : topics_) {
            if (node->FindTopic(name) != nullptr) continue;
            world().Fail(absl::StrCat("node ", at->id().value(),
                                      " confirms that it knows all topics, but "
                                      "does not know ",
                                      name));
          }
        }
        done(true);
      });
}

void TopicAdmin::TakeSync() { synced_.Take(); }

}  // namespace kappa::node_simulation
