#include "server/metadata_calls.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/mutex.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"
#include "server/log_reader.h"
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

// Asks `ask` for each of `groups`; see Gathering.
template <typename T>
void AskPartitions(
    const PartitionRouter& router, const std::vector<GroupId>& groups,
    typename Gathering<T>::Done done,
    const std::function<void(size_t i, Partition&, Node::Callback<T>)>& ask) {
  if (groups.empty()) return done(std::vector<T>());
  auto gathering =
      std::make_shared<Gathering<T>>(groups.size(), std::move(done));
  const auto shared_ask =
      std::make_shared<std::remove_cvref_t<decltype(ask)>>(ask);
  for (size_t i = 0; i < groups.size(); ++i) {
    router.Route<T>(
        groups[i],
        [gathering, i](absl::StatusOr<T> answer) {
          gathering->Take(i, std::move(answer));
        },
        [shared_ask, i](Partition& partition, Node::Callback<T> answer) {
          (*shared_ask)(i, partition, std::move(answer));
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

// The topic of a producer's call. Errors: INVALID_NAME, TOPIC_NOT_FOUND,
// TOPIC_UUID_MISMATCH, PARTITION_NOT_FOUND, MALFORMED_REQUEST.
template <typename Request>
absl::StatusOr<TopicMap::Snapshot> TopicOfProducerCall(const TopicMap& topics,
                                                       const Request& request) {
  absl::Status status = CheckName("producer", request.name());
  if (!status.ok()) return status;
  TopicMap::Snapshot topic = topics.Find(request.topic());
  if (topic == nullptr) return TopicNotFound(request.topic());
  status = CheckTopicUuid(topic->topic, request.topic_uuid());
  if (status.ok()) status = CheckPartitionList(*topic, request.partitions());
  if (!status.ok()) return status;
  return topic;
}

std::vector<GroupId> GroupsOfPartitions(
    const TopicSnapshot& topic, const std::vector<uint32_t>& partitions) {
  std::vector<GroupId> groups;
  for (const uint32_t partition : partitions) {
    groups.push_back(topic.groups[partition]);
  }
  return groups;
}

absl::Status ProducerNotFound(const std::string& name) {
  return MakeError(v1::ERROR_REASON_PRODUCER_NOT_FOUND,
                   absl::StrCat("no producer ", name, " was ever opened"),
                   {{"producer", name}});
}

template <typename Response>
Response ProducerResponse(const TopicSnapshot& topic,
                          const NamedProducer& producer,
                          std::vector<v1::ProducerPosition> positions) {
  Response response;
  response.set_producer_id(BytesOf(producer.id));
  response.set_epoch(producer.epoch);
  response.set_topic_uuid(topic.topic.uuid());
  for (v1::ProducerPosition& position : positions) {
    *response.add_positions() = std::move(position);
  }
  return response;
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

// --- topics ---

void MetadataCalls::CreateTopic(const v1::CreateTopicRequest& request,
                                Node::Callback<v1::CreateTopicResponse> done) {
  absl::StatusOr<v1::Topic> topic = TopicOf(request);
  if (!topic.ok()) return done(topic.status());
  topic->set_uuid(BytesOf(RandomUuid()));
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
  const Topic topic = topics_->Find(request.name());
  if (topic == nullptr) return done(TopicNotFound(request.name()));
  const absl::Status same = CheckTopicUuid(topic->topic, request.topic_uuid());
  if (!same.ok()) return done(same);
  const std::string uuid = topic->topic.uuid();
  if (request.accept_key_movement() ||
      request.partitions() <= topic->groups.size()) {
    return ProposePartitions(std::move(request), uuid, std::move(done));
  }
  AskPartitions<PartitionEnd>(
      *router_, topic->groups,
      [this, uuid, request = std::move(request), done = std::move(done)](
          absl::StatusOr<std::vector<PartitionEnd>> ends) mutable {
        if (!ends.ok()) return done(ends.status());
        if (std::any_of(ends->begin(), ends->end(), [](const auto& end) {
              return end.end_offset > Offset();
            })) {
          return done(
              MakeError(v1::ERROR_REASON_KEY_MOVEMENT_NOT_ACCEPTED,
                        absl::StrCat("topic ", request.name(),
                                     " has records; keys would move to other "
                                     "partitions: set accept_key_movement"),
                        {{"topic", request.name()}}));
        }
        ProposePartitions(std::move(request), std::move(uuid), std::move(done));
      },
      [](size_t, Partition& partition, Node::Callback<PartitionEnd> answer) {
        partition.GetEnd(v1::CONSISTENCY_UNSPECIFIED, std::move(answer));
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

void MetadataCalls::RegisterNode(const NodeInfo& node,
                                 Node::Callback<RegisteredNode> done) {
  MetadataCommand command;
  *command.mutable_register_node()->mutable_node() = NodeRowOf(node);
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
  absl::StatusOr<Topic> topic = TopicOfProducerCall(*topics_, request);
  if (!topic.ok()) return done(topic.status());
  MetadataCommand command;
  command.mutable_open_producer()->set_name(request.name());
  command.mutable_open_producer()->set_new_id(BytesOf(RandomUuid()));
  OnMetadata<v1::OpenProducerResponse>(
      std::move(done),
      [this, command = std::move(command), topic = *std::move(topic),
       partitions = std::vector<uint32_t>(request.partitions().begin(),
                                          request.partitions().end())](
          MetadataGroup& metadata,
          Node::Callback<v1::OpenProducerResponse> done) mutable {
        metadata.Execute(
            std::move(command),
            [this, topic = std::move(topic), partitions = std::move(partitions),
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
  AskPartitions<v1::ProducerPosition>(
      *router_, GroupsOfPartitions(*topic, partitions),
      [topic, producer, done = std::move(done)](
          absl::StatusOr<std::vector<v1::ProducerPosition>> positions) mutable {
        if (!positions.ok()) return done(positions.status());
        done(ProducerResponse<v1::OpenProducerResponse>(*topic, producer,
                                                        *std::move(positions)));
      },
      [producer, partitions](size_t i, Partition& partition,
                             Node::Callback<v1::ProducerPosition> answer) {
        partition.Fence(producer.id, producer.epoch, partitions[i],
                        std::move(answer));
      });
}

void MetadataCalls::GetProducer(v1::GetProducerRequest request,
                                Node::Callback<v1::GetProducerResponse> done) {
  absl::StatusOr<Topic> topic = TopicOfProducerCall(*topics_, request);
  if (!topic.ok()) return done(topic.status());
  OnMetadata<v1::GetProducerResponse>(
      std::move(done),
      [this, request = std::move(request), topic = *std::move(topic)](
          MetadataGroup& metadata,
          Node::Callback<v1::GetProducerResponse> done) mutable {
        metadata.AfterReadPoint([this, &metadata, request = std::move(request),
                                 topic = std::move(topic),
                                 done = std::move(done)](
                                    const absl::Status& status) mutable {
          if (!status.ok()) return done(status);
          metadata.FindProducer(
              request.name(),
              [this, request, topic = std::move(topic), done = std::move(done)](
                  absl::StatusOr<std::optional<NamedProducer>> found) mutable {
                if (!found.ok()) return done(found.status());
                if (!found->has_value()) {
                  return done(ProducerNotFound(request.name()));
                }
                LookUpEverywhere(
                    topic, **found,
                    std::vector<uint32_t>(request.partitions().begin(),
                                          request.partitions().end()),
                    std::move(done));
              });
        });
      });
}

void MetadataCalls::LookUpEverywhere(
    const Topic& topic, const NamedProducer& producer,
    const std::vector<uint32_t>& partitions,
    Node::Callback<v1::GetProducerResponse> done) {
  AskPartitions<v1::ProducerPosition>(
      *router_, GroupsOfPartitions(*topic, partitions),
      [topic, producer, done = std::move(done)](
          absl::StatusOr<std::vector<v1::ProducerPosition>> positions) mutable {
        if (!positions.ok()) return done(positions.status());
        done(ProducerResponse<v1::GetProducerResponse>(*topic, producer,
                                                       *std::move(positions)));
      },
      [producer, partitions](size_t i, Partition& partition,
                             Node::Callback<v1::ProducerPosition> answer) {
        partition.LookUpProducer(producer.id, partitions[i], std::move(answer));
      });
}

}  // namespace kappa::server
