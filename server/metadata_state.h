// MetadataState: what the commands of the metadata group have led to.
#ifndef KAPPA_SERVER_METADATA_STATE_H_
#define KAPPA_SERVER_METADATA_STATE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/storage/v1/metadata.pb.h"
#include "proto/wire/types.h"
#include "server/node_directory.h"
#include "server/producer_registry.h"
#include "server/topic_registry.h"
#include "storage/log_store.h"

namespace kappa::server {

// What a command led to. Which fields count depends on the command.
struct CommandOutcome {
  absl::Status status;  // refused: nothing below counts, nothing changed
  TopicChange topic;
  NamedProducer producer;
  NodeInfo node;  // as it is registered
  // Topics whose replicas are others because a node was replaced.
  std::vector<TopicChange> other_topics;
  bool nodes_changed = false;
};

// A state machine: equal commands in equal order give equal rows.
//
// Thread safety: thread-compatible.
class MetadataState {
 public:
  // Reads the rows; those of producers are read again when they are needed, so
  // the store must outlive the state. Errors: DATA_LOSS: a row cannot be
  // decoded; those of the store.
  static absl::StatusOr<MetadataState> Load(const storage::LogStore& store);

  // Keeps what applying the command needs, which then cannot fail; once before
  // each Apply. False: the producer's row must be read first, and Prepare be
  // called with it before any other command with that name.
  bool TryPrepare(const storage::v1::MetadataCommand& command);
  void Prepare(const storage::v1::MetadataCommand& command,
               std::optional<NamedProducer> row);
  // The same, which waits for the disk. Errors: those of the store.
  absl::Status PrepareNow(const storage::v1::MetadataCommand& command);
  // The Apply does not come after all.
  void Abandon(const storage::v1::MetadataCommand& command);
  // Applies the command at `index` and adds the rows it changed, with the
  // applied index, to `rows`.
  // Requires: index > applied(), the command is prepared.
  CommandOutcome Apply(LogIndex index,
                       const storage::v1::MetadataCommand& command,
                       std::vector<storage::SideRow>* rows);
  // A control entry took `index`.
  void Skip(LogIndex index) { applied_ = index; }
  // What the command would lead to, if that is no change at all: then it need
  // not be in the log.
  std::optional<CommandOutcome> OutcomeWithoutChange(
      const storage::v1::MetadataCommand& command) const;

  // The replicas of the deleted topic are dropped on this node.
  void ForgetPendingDrop(std::string_view topic_uuid,
                         std::vector<storage::SideRow>* rows);
  // Groups, by the UUID of their deleted topic, whose replicas this node may
  // still hold.
  const std::map<std::string, std::vector<GroupId>>& pending_drops() const {
    return pending_drops_;
  }

  LogIndex applied() const { return applied_; }
  bool formed() const { return !cluster_.cluster_id().empty(); }
  const storage::v1::ClusterRow& cluster() const { return cluster_; }
  // Of the cluster, by id.
  const std::vector<NodeInfo>& nodes() const { return nodes_; }
  const TopicRegistry& topics() const { return topics_; }
  const ProducerRegistry& producers() const { return producers_; }
  // As ProducerRegistry::OnDurable.
  void OnProducersDurable(uint64_t changes) { producers_.OnDurable(changes); }

 private:
  absl::Status LoadSingleRows(const storage::LogStore& store);
  TopicChange ChangeOf(LogIndex index,
                       const storage::v1::MetadataCommand& command) const;
  // True if it was not formed before.
  bool FormCluster(const storage::v1::FormClusterCommand& command,
                   std::vector<storage::SideRow>* rows);
  void ApplyNode(const storage::v1::RegisterNodeCommand& command,
                 CommandOutcome* outcome, std::vector<storage::SideRow>* rows);
  void ApplyTopic(LogIndex index, const storage::v1::MetadataCommand& command,
                  CommandOutcome* outcome, std::vector<storage::SideRow>* rows);
  void PutCluster(std::vector<storage::SideRow>* rows);

  const storage::LogStore* store_ = nullptr;  // where producers are read
  LogIndex applied_;
  storage::v1::ClusterRow cluster_;
  std::vector<NodeInfo> nodes_;  // as cluster_ says
  TopicRegistry topics_;
  ProducerRegistry producers_;
  std::map<std::string, std::vector<GroupId>> pending_drops_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_METADATA_STATE_H_
