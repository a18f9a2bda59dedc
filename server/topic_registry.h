// TopicRegistry: the topics of the cluster, as the metadata group has applied
// them.
#ifndef KAPPA_SERVER_TOPIC_REGISTRY_H_
#define KAPPA_SERVER_TOPIC_REGISTRY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "kappa/storage/v1/metadata.pb.h"
#include "proto/wire/types.h"
#include "server/node_directory.h"
#include "server/replica_placement.h"
#include "server/topic_snapshot.h"
#include "storage/log_store.h"

namespace kappa::server {

// What a command about a topic leads to. Equal on every node.
struct TopicChange {
  absl::Status status;   // refused: nothing below counts, nothing changes
  bool changed = false;  // false: the topic was as wanted
  // As it is afterwards; as it was for a deletion.
  std::shared_ptr<const TopicSnapshot> topic;
  uint32_t first_new_partition = 0;  // partitions from here on are new
  // As it was, when members of older partitions are others now; else null.
  std::shared_ptr<const TopicSnapshot> other_members_before;
  std::vector<storage::SideRow> rows;
};

// A pure function of the commands given to it, in their order.
//
// Thread safety: thread-compatible.
class TopicRegistry {
 public:
  struct Entry {
    storage::v1::TopicRow row;
    std::shared_ptr<const TopicSnapshot> snapshot;
  };

  // Takes over a stored row. Errors: DATA_LOSS: it cannot be decoded.
  absl::Status Load(std::string_view value);

  // What a command would lead to; changes nothing. Ids of new groups begin
  // with `next_group`; their replicas are placed on `nodes`.
  TopicChange Create(const storage::v1::CreateTopicCommand& command,
                     GroupId next_group,
                     absl::Span<const NodeInfo> nodes) const;
  // `node` has another disk, of another incarnation: of each topic that has
  // replicas there, what becomes of it.
  std::vector<TopicChange> Replace(const NodeInfo& node) const;
  TopicChange Update(const storage::v1::UpdateTopicCommand& command,
                     absl::Span<const NodeInfo> nodes) const;
  // `index`: of the command, for the record.
  TopicChange Delete(const storage::v1::DeleteTopicCommand& command,
                     LogIndex index) const;
  TopicChange AddPartitions(const storage::v1::AddPartitionsCommand& command,
                            GroupId next_group,
                            absl::Span<const NodeInfo> nodes) const;
  // Does what a change says. Requires: no other one came in between.
  void Apply(const TopicChange& change);

  // Null when there is none of that name.
  const Entry* Find(std::string_view name) const;
  const absl::btree_map<std::string, Entry>& topics() const { return topics_; }
  size_t partitions() const { return partitions_; }

 private:
  void AddRun(GroupId first, uint32_t count, absl::Span<const NodeInfo> nodes,
              storage::v1::TopicRow* row) const;

  absl::btree_map<std::string, Entry> topics_;
  ReplicaPlacement placement_;  // of all topics
  size_t partitions_ = 0;
};

// The ids of a row's groups, by partition.
std::vector<GroupId> GroupsOf(
    const google::protobuf::RepeatedPtrField<storage::v1::GroupRun>& runs);

absl::Status TopicNotFound(std::string_view name);

// Errors: TOPIC_UUID_MISMATCH, when `wanted` is not empty and not the topic's.
absl::Status CheckTopicUuid(const v1::Topic& topic, std::string_view wanted);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOPIC_REGISTRY_H_
