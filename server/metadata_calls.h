// MetadataCalls: what users ask about topics and named producers, as commands
// of the metadata group.
#ifndef KAPPA_SERVER_METADATA_CALLS_H_
#define KAPPA_SERVER_METADATA_CALLS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/storage/v1/metadata.pb.h"
#include "proto/wire/clock.h"
#include "proto/wire/types.h"
#include "server/metadata_group.h"
#include "server/node.h"
#include "server/node_directory.h"
#include "server/partition_asker.h"
#include "server/partition_router.h"

namespace kappa::server {

// A node that was taken into the cluster.
struct RegisteredNode {
  NodeInfo node;                // its id included
  std::vector<NodeInfo> nodes;  // of the cluster, by id
};

// Answers as Node says. What changes something runs where the metadata group is
// led, and answers NOT_LEADER elsewhere; partitions are asked wherever they are
// led.
//
// Thread safety: thread-safe.
class MetadataCalls {
 public:
  // Everything outlives this; `metadata` is used on the first shard only.
  MetadataCalls(const PartitionRouter* router, MetadataGroup* metadata,
                const Clock* clock, std::function<Uuid()> new_uuid,
                PartitionAsker::Peers peers)
      : router_(router),
        metadata_(metadata),
        clock_(clock),
        new_uuid_(std::move(new_uuid)),
        asker_(router, std::move(peers)) {}

  // As MetadataGroup::AfterReadPoint; OK comes on the group's shard.
  void AfterReadPoint(absl::AnyInvocable<void(const absl::Status&)> then);
  void CreateTopic(const v1::CreateTopicRequest& request,
                   Node::Callback<v1::CreateTopicResponse> done);
  void UpdateTopic(v1::UpdateTopicRequest request,
                   Node::Callback<v1::UpdateTopicResponse> done);
  void DeleteTopic(v1::DeleteTopicRequest request,
                   Node::Callback<v1::DeleteTopicResponse> done);
  void AddPartitions(v1::AddPartitionsRequest request,
                     Node::Callback<v1::AddPartitionsResponse> done);
  // Takes the node into the cluster, or changes where it is; see RegisterNode
  // in node_rows.h. Errors (to `done`): those; NOT_LEADER, OVERLOADED,
  // OUTCOME_UNKNOWN.
  void RegisterNode(const NodeInfo& node, bool replaces,
                    Node::Callback<RegisteredNode> done);
  void OpenProducer(v1::OpenProducerRequest request,
                    Node::Callback<v1::OpenProducerResponse> done);
  void GetProducer(v1::GetProducerRequest request,
                   Node::Callback<v1::GetProducerResponse> done);

 private:
  using Topic = std::shared_ptr<const TopicSnapshot>;

  // Runs `work` on the metadata group's shard, which then advances the group.
  template <typename T>
  void OnMetadata(
      Node::Callback<T> done,
      absl::AnyInvocable<void(MetadataGroup&, Node::Callback<T>)> work);
  // The topic of a call as the state has it, or why there is none.
  using FindTopic = absl::AnyInvocable<absl::StatusOr<Topic>(
      const MetadataState& state) const>;
  // The same where the group is led, with the topic that is found there; else
  // answers NOT_LEADER.
  template <typename T>
  void AtLeader(
      FindTopic find, Node::Callback<T> done,
      absl::AnyInvocable<void(MetadataGroup&, const Topic&, Node::Callback<T>)>
          work);
  // Answers with what `answer` makes of the outcome.
  template <typename T>
  void Execute(storage::v1::MetadataCommand command, Node::Callback<T> done,
               absl::AnyInvocable<absl::StatusOr<T>(CommandOutcome&)> answer);
  void AddPartitionsTo(const Topic& topic, v1::AddPartitionsRequest request,
                       Node::Callback<v1::AddPartitionsResponse> done);
  void ProposePartitions(v1::AddPartitionsRequest request,
                         std::string topic_uuid,
                         Node::Callback<v1::AddPartitionsResponse> done);
  void FenceEverywhere(const Topic& topic, const NamedProducer& producer,
                       const std::vector<uint32_t>& partitions,
                       Node::Callback<v1::OpenProducerResponse> done);
  void LookUpEverywhere(const Topic& topic, const NamedProducer& producer,
                        const std::vector<uint32_t>& partitions,
                        Node::Callback<v1::GetProducerResponse> done);

  const PartitionRouter* const router_;
  MetadataGroup* const metadata_;
  const Clock* const clock_;
  const std::function<Uuid()> new_uuid_;
  const PartitionAsker asker_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_METADATA_CALLS_H_
