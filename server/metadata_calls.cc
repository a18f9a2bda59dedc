#include "server/metadata_calls.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/mutex.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"
#include "server/node_rows.h"
#include "server/random_uuid.h"
#include "server/topic_rules.h"

namespace kappa::server {
namespace {

using storage::v1::MetadataCommand;

// Gathers one answer per partition, in the order asked; calls `done` with all
// of them, or with the first error, once the last one is there.
//
// Thread safety: thread-safe.
template <typename T>
class Gathering {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<std::vector<T>>)>;
  Gathering(size_t count, Done done)
      : missing_(count), answers_(count), done_(std::move(done)) {}

  void Take(size_t i, absl::StatusOr<T> answer) {
    absl::StatusOr<std::vector<T>> result = std::vector<T>();
    {
      MutexLock lock(&mutex_);
      if (answer.ok()) {
        answers_[i] = *std::move(answer);
      } else {
        error_.Update(answer.status());
      }
      if (--missing_ > 0) return;
      if (error_.ok()) {
        result = std::move(answers_);
      } else {
        result = error_;
      }
    }
    done_(std::move(result));
  }

 private:
  Mutex mutex_;
  size_t missing_ ABSL_GUARDED_BY(mutex_);
  std::vector<T> answers_ ABSL_GUARDED_BY(mutex_);
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  Done done_;
};

using raft::v1::PartitionRequest;
using raft::v1::PartitionResponse;

// Asks each of `partitions` of the topic what `ask` says; see Gathering.
void AskPartitions(const PartitionAsker& asker, const TopicSnapshot& topic,
                   const std::vector<uint32_t>& partitions,
                   PartitionRequest ask,
                   Gathering<PartitionResponse>::Done done) {
  if (partitions.empty()) return done(std::vector<PartitionResponse>());
  auto gathering = std::make_shared<Gathering<PartitionResponse>>(
      partitions.size(), std::move(done));
  for (size_t i = 0; i < partitions.size(); ++i) {
    ask.set_group_id(topic.groups[partitions[i]].value());
    ask.set_partition(partitions[i]);
    asker.Ask(ask, [gathering, i](absl::StatusOr<PartitionResponse> answer) {
      gathering->Take(i, std::move(answer));
    });
  }
}

template <typename Partitions>
absl::Status CheckPartitionList(const TopicSnapshot& topic,
                                const Partitions& partitions) {
  std::vector<bool> seen(topic.groups.size());
  for (const uint32_t partition : partitions) {
    if (partition >= topic.groups.size()) {
      return MakeError(v1::ERROR_REASON_PARTITION_NOT_FOUND,
                       absl::StrCat("topic ", topic.topic.name(),
                                    " has no partition ", partition),
                       {{"partition", absl::StrCat(partition)},
                        {"partitions", absl::StrCat(topic.groups.size())}});
    }
    if (seen[partition]) {
      return MakeError(
          v1::ERROR_REASON_MALFORMED_REQUEST,
          absl::StrCat("partition ", partition, " is given twice"));
    }
    seen[partition] = true;
  }
  return absl::OkStatus();
}

// Errors: TOPIC_NOT_FOUND, TOPIC_UUID_MISMATCH.
absl::StatusOr<std::shared_ptr<const TopicSnapshot>> TopicIn(
    const MetadataState& state, const std::string& name,
    const std::string& uuid) {
  const TopicRegistry::Entry* const entry = state.topics().Find(name);
  if (entry == nullptr) return TopicNotFound(name);
  const absl::Status same = CheckTopicUuid(entry->snapshot->topic, uuid);
  if (!same.ok()) return same;
  return entry->snapshot;
}

// The topic of a producer's call. Errors: TOPIC_NOT_FOUND,
// TOPIC_UUID_MISMATCH, PARTITION_NOT_FOUND, MALFORMED_REQUEST.
template <typename Request>
absl::StatusOr<std::shared_ptr<const TopicSnapshot>> TopicOfProducerCall(
    const MetadataState& state, const Request& request) {
  auto topic = TopicIn(state, request.topic(), request.topic_uuid());
  if (!topic.ok()) return topic.status();
  const absl::Status listed = CheckPartitionList(**topic, request.partitions());
  if (!listed.ok()) return listed;
  return topic;
}

template <typename Request>
std::vector<uint32_t> PartitionsOf(const Request& request) {
  return {request.partitions().begin(), request.partitions().end()};
}

absl::Status ProducerNotFound(const std::string& name) {
  return MakeError(v1::ERROR_REASON_PRODUCER_NOT_FOUND,
                   absl::StrCat("no producer ", name, " was ever opened"),
                   {{"producer", name}});
}

// Of an answer that lacks what was asked for: another node's bug.
absl::Status BadAnswer() {
  return MakeError(v1::ERROR_REASON_INTERNAL,
                   "a partition's leader answered something else");
}

template <typename Response>
absl::StatusOr<Response> ProducerResponse(
    const TopicSnapshot& topic, const NamedProducer& producer,
    const std::vector<PartitionResponse>& positions) {
  Response response;
  response.set_producer_id(BytesOf(producer.id));
  response.set_epoch(producer.epoch);
  response.set_topic_uuid(topic.topic.uuid());
  for (const PartitionResponse& answer : positions) {
    if (!answer.has_position() || !response.add_positions()->ParseFromString(
                                      answer.position().position())) {
      return BadAnswer();
    }
  }
  return response;
}

// Of a fence that failed once the epoch was raised: that much has happened.
absl::Status FenceError(const NamedProducer& producer,
                        const absl::Status& status) {
  const std::string reason = ErrorInfoOf(status).reason();
  if (reason == "PRODUCER_FENCED") return status;
  return MakeError(
      v1::ERROR_REASON_OUTCOME_UNKNOWN,
      absl::StrCat("the producer's epoch is ", producer.epoch,
                   " now, and not every partition knows: ", status.message()));
}

}  // namespace

template <typename T>
void MetadataCalls::OnMetadata(
    Node::Callback<T> done,
    absl::AnyInvocable<void(MetadataGroup&, Node::Callback<T>)> work) {
  auto answer = std::make_shared<Node::Callback<T>>(std::move(done));
  Shard::Task task = [metadata = metadata_, answer,
                      work = std::move(work)](Shard& shard) mutable {
    shard.Touch(metadata);
    work(*metadata, std::move(*answer));
  };
  Shard* const shard = router_->shards()[0];
  if (!shard->TryPost(task)) (*answer)(shard->Refusal());
}

template <typename T>
void MetadataCalls::AtLeader(
    FindTopic find, Node::Callback<T> done,
    absl::AnyInvocable<void(MetadataGroup&, const Topic&, Node::Callback<T>)>
        work) {
  OnMetadata<T>(
      std::move(done),
      [find = std::move(find), work = std::move(work)](
          MetadataGroup& metadata, Node::Callback<T> done) mutable {
        if (!metadata.leads()) return done(metadata.NotLeader());
        absl::StatusOr<Topic> topic = find(metadata.state());
        if (topic.ok()) return work(metadata, *topic, std::move(done));
        // What is not there may be there where the group is led by now.
        metadata.AfterReadPoint(
            [&metadata, find = std::move(find), work = std::move(work),
             done = std::move(done)](const absl::Status& status) mutable {
              if (!status.ok()) return done(status);
              absl::StatusOr<Topic> topic = find(metadata.state());
              if (!topic.ok()) return done(topic.status());
              work(metadata, *topic, std::move(done));
            });
      });
}

template <typename T>
void MetadataCalls::Execute(
    MetadataCommand command, Node::Callback<T> done,
    absl::AnyInvocable<absl::StatusOr<T>(CommandOutcome&)> answer) {
  OnMetadata<T>(std::move(done),
                [command = std::move(command), answer = std::move(answer)](
                    MetadataGroup& metadata, Node::Callback<T> done) mutable {
                  metadata.Execute(
                      std::move(command),
                      [done = std::move(done), answer = std::move(answer)](
                          absl::StatusOr<CommandOutcome> outcome) mutable {
                        if (!outcome.ok()) return done(outcome.status());
                        if (!outcome->status.ok()) {
                          return done(outcome->status);
                        }
                        done(answer(*outcome));
                      });
                });
}

void MetadataCalls::AfterReadPoint(
    absl::AnyInvocable<void(const absl::Status&)> then) {
  OnMetadata<bool>(
      [then = std::move(then)](absl::StatusOr<bool> reached) mutable {
        then(reached.status());
      },
      [](MetadataGroup& metadata, Node::Callback<bool> done) {
        metadata.AfterReadPoint(
            [done = std::move(done)](const absl::Status& status) mutable {
              if (!status.ok()) return done(status);
              done(true);
            });
      });
}

// --- topics ---

void MetadataCalls::CreateTopic(const v1::CreateTopicRequest& request,
                                Node::Callback<v1::CreateTopicResponse> done) {
  absl::StatusOr<v1::Topic> topic = TopicOf(request);
  if (!topic.ok()) return done(topic.status());
  topic->set_uuid(BytesOf(new_uuid_()));
  topic->set_create_time_us(clock_->NowUs());
  MetadataCommand command;
  *command.mutable_create_topic()->mutable_topic() = *std::move(topic);
  Execute<v1::CreateTopicResponse>(
      std::move(command), std::move(done),
      [](CommandOutcome& outcome) -> absl::StatusOr<v1::CreateTopicResponse> {
        v1::CreateTopicResponse response;
        *response.mutable_topic() = outcome.topic.topic->topic;
        response.set_created(outcome.topic.changed);
        return response;
      });
}

void MetadataCalls::UpdateTopic(v1::UpdateTopicRequest request,
                                Node::Callback<v1::UpdateTopicResponse> done) {
  const absl::Status legal = CheckUpdate(request);
  if (!legal.ok()) return done(legal);
  MetadataCommand command;
  *command.mutable_update_topic()->mutable_request() = std::move(request);
  Execute<v1::UpdateTopicResponse>(
      std::move(command), std::move(done),
      [](CommandOutcome& outcome) -> absl::StatusOr<v1::UpdateTopicResponse> {
        v1::UpdateTopicResponse response;
        *response.mutable_topic() = outcome.topic.topic->topic;
        return response;
      });
}

void MetadataCalls::DeleteTopic(v1::DeleteTopicRequest request,
                                Node::Callback<v1::DeleteTopicResponse> done) {
  MetadataCommand command;
  *command.mutable_delete_topic()->mutable_request() = std::move(request);
  command.mutable_delete_topic()->set_time_us(clock_->NowUs());
  Execute<v1::DeleteTopicResponse>(
      std::move(command), std::move(done),
      [](CommandOutcome& outcome) -> absl::StatusOr<v1::DeleteTopicResponse> {
        v1::DeleteTopicResponse response;
        response.set_topic_uuid(outcome.topic.topic->topic.uuid());
        return response;
      });
}

void MetadataCalls::AddPartitions(
    v1::AddPartitionsRequest request,
    Node::Callback<v1::AddPartitionsResponse> done) {
  const absl::Status legal = CheckPartitions(request.partitions());
  if (!legal.ok()) return done(legal);
  AtLeader<v1::AddPartitionsResponse>(
      [request](const MetadataState& state) {
        return TopicIn(state, request.name(), request.topic_uuid());
      },
      std::move(done),
      [this, request](MetadataGroup&, const Topic& topic,
                      Node::Callback<v1::AddPartitionsResponse> done) mutable {
        AddPartitionsTo(topic, std::move(request), std::move(done));
      });
}

void MetadataCalls::AddPartitionsTo(
    const Topic& topic, v1::AddPartitionsRequest request,
    Node::Callback<v1::AddPartitionsResponse> done) {
  const std::string uuid = topic->topic.uuid();
  if (request.accept_key_movement() ||
      request.partitions() <= topic->groups.size()) {
    return ProposePartitions(std::move(request), uuid, std::move(done));
  }
  std::vector<uint32_t> all(topic->groups.size());
  std::iota(all.begin(), all.end(), 0);
  PartitionRequest ask;
  ask.set_end(true);
  AskPartitions(
      asker_, *topic, all, std::move(ask),
      [this, uuid, request = std::move(request), done = std::move(done)](
          absl::StatusOr<std::vector<PartitionResponse>> ends) mutable {
        if (!ends.ok()) return done(ends.status());
        if (std::any_of(ends->begin(), ends->end(),
                        [](const auto& end) { return end.end_offset() > 0; })) {
          return done(
              MakeError(v1::ERROR_REASON_KEY_MOVEMENT_NOT_ACCEPTED,
                        absl::StrCat("topic ", request.name(),
                                     " has records; keys would move to other "
                                     "partitions: set accept_key_movement"),
                        {{"topic", request.name()}}));
        }
        ProposePartitions(std::move(request), std::move(uuid), std::move(done));
      });
}

void MetadataCalls::ProposePartitions(
    v1::AddPartitionsRequest request, std::string topic_uuid,
    Node::Callback<v1::AddPartitionsResponse> done) {
  MetadataCommand command;
  *command.mutable_add_partitions()->mutable_request() = std::move(request);
  command.mutable_add_partitions()->set_topic_uuid(std::move(topic_uuid));
  Execute<v1::AddPartitionsResponse>(
      std::move(command), std::move(done),
      [](CommandOutcome& outcome) -> absl::StatusOr<v1::AddPartitionsResponse> {
        v1::AddPartitionsResponse response;
        *response.mutable_topic() = outcome.topic.topic->topic;
        return response;
      });
}

// --- nodes ---

void MetadataCalls::RegisterNode(const NodeInfo& node, bool replaces,
                                 Node::Callback<RegisteredNode> done) {
  MetadataCommand command;
  *command.mutable_register_node()->mutable_node() = NodeRowOf(node);
  command.mutable_register_node()->set_replaces(replaces);
  Execute<RegisteredNode>(
      std::move(command), std::move(done),
      [this](CommandOutcome& outcome) -> absl::StatusOr<RegisteredNode> {
        return RegisteredNode{std::move(outcome.node),
                              metadata_->state().nodes()};
      });
}

// --- producers ---

void MetadataCalls::OpenProducer(
    v1::OpenProducerRequest request,
    Node::Callback<v1::OpenProducerResponse> done) {
  const absl::Status legal = CheckName("producer", request.name());
  if (!legal.ok()) return done(legal);
  AtLeader<v1::OpenProducerResponse>(
      [request](const MetadataState& state) {
        return TopicOfProducerCall(state, request);
      },
      std::move(done),
      [this, request](MetadataGroup& metadata, const Topic& topic,
                      Node::Callback<v1::OpenProducerResponse> done) mutable {
        MetadataCommand command;
        command.mutable_open_producer()->set_name(request.name());
        command.mutable_open_producer()->set_new_id(BytesOf(new_uuid_()));
        metadata.Execute(std::move(command),
                         [this, topic, partitions = PartitionsOf(request),
                          done = std::move(done)](
                             absl::StatusOr<CommandOutcome> outcome) mutable {
                           if (!outcome.ok()) return done(outcome.status());
                           FenceEverywhere(topic, outcome->producer, partitions,
                                           std::move(done));
                         });
      });
}

void MetadataCalls::FenceEverywhere(
    const Topic& topic, const NamedProducer& producer,
    const std::vector<uint32_t>& partitions,
    Node::Callback<v1::OpenProducerResponse> done) {
  PartitionRequest ask;
  ask.mutable_fence()->set_producer_id(BytesOf(producer.id));
  ask.mutable_fence()->set_epoch(producer.epoch);
  AskPartitions(
      asker_, *topic, partitions, std::move(ask),
      [topic, producer, done = std::move(done)](
          absl::StatusOr<std::vector<PartitionResponse>> positions) mutable {
        if (!positions.ok()) {
          return done(FenceError(producer, positions.status()));
        }
        done(ProducerResponse<v1::OpenProducerResponse>(*topic, producer,
                                                        *positions));
      });
}

void MetadataCalls::GetProducer(v1::GetProducerRequest request,
                                Node::Callback<v1::GetProducerResponse> done) {
  const absl::Status legal = CheckName("producer", request.name());
  if (!legal.ok()) return done(legal);
  OnMetadata<v1::GetProducerResponse>(
      std::move(done),
      [this, request = std::move(request)](
          MetadataGroup& metadata,
          Node::Callback<v1::GetProducerResponse> done) mutable {
        metadata.AfterReadPoint([this, &metadata, request = std::move(request),
                                 done = std::move(done)](
                                    const absl::Status& status) mutable {
          if (!status.ok()) return done(status);
          auto topic = TopicOfProducerCall(metadata.state(), request);
          if (!topic.ok()) return done(topic.status());
          metadata.FindProducer(
              request.name(),
              [this, request, topic = *std::move(topic),
               done = std::move(done)](
                  absl::StatusOr<std::optional<NamedProducer>> found) mutable {
                if (!found.ok()) return done(found.status());
                if (!found->has_value()) {
                  return done(ProducerNotFound(request.name()));
                }
                LookUpEverywhere(topic, **found, PartitionsOf(request),
                                 std::move(done));
              });
        });
      });
}

void MetadataCalls::LookUpEverywhere(
    const Topic& topic, const NamedProducer& producer,
    const std::vector<uint32_t>& partitions,
    Node::Callback<v1::GetProducerResponse> done) {
  PartitionRequest ask;
  ask.mutable_look_up()->set_producer_id(BytesOf(producer.id));
  AskPartitions(
      asker_, *topic, partitions, std::move(ask),
      [topic, producer, done = std::move(done)](
          absl::StatusOr<std::vector<PartitionResponse>> positions) mutable {
        if (!positions.ok()) return done(positions.status());
        done(ProducerResponse<v1::GetProducerResponse>(*topic, producer,
                                                       *positions));
      });
}

}  // namespace kappa::server
