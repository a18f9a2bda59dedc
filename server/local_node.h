// LocalNode: the Node on a log store: shards, log writer, readers, metadata.
#ifndef KAPPA_SERVER_LOCAL_NODE_H_
#define KAPPA_SERVER_LOCAL_NODE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/append_budget.h"
#include "server/append_clock.h"
#include "server/cluster_status.h"
#include "server/group_survey.h"
#include "server/identity.h"
#include "server/known_producers.h"
#include "server/latch.h"
#include "server/leader_balance.h"
#include "server/leader_fitness.h"
#include "server/log_reader.h"
#include "server/maintenance.h"
#include "server/membership.h"
#include "server/metadata_calls.h"
#include "server/metadata_group.h"
#include "server/node.h"
#include "server/node_directory.h"
#include "server/node_network.h"
#include "server/node_scrub.h"
#include "server/node_stats.h"
#include "server/partition_host.h"
#include "server/partition_router.h"
#include "server/reader_pool.h"
#include "server/replacement_check.h"
#include "server/set_aside_list.h"
#include "server/shard.h"
#include "server/shard_counters.h"
#include "server/topic_map.h"
#include "server/waiting_nodes.h"
#include "storage/known_damage.h"
#include "storage/log_store.h"
#include "storage/log_writer.h"

namespace kappa::server {

// Thread safety: as Node.
class LocalNode final : public Node,
                        public Maintenance,
                        public ClusterStatusOwner {
 public:
  // Opens the node on `store`; forms a cluster of its own if the store is
  // empty. `on_written` (may be empty) is called when the node has ended its
  // last write, before it closes the store. Errors: DATA_LOSS,
  // FAILED_PRECONDITION as for Node::Open.
  static absl::StatusOr<std::unique_ptr<LocalNode>> OpenOn(
      NodeOptions options, std::unique_ptr<storage::LogStore> store,
      const Identity& identity, std::function<void()> on_written = nullptr);
  ~LocalNode() override;

  void Shutdown() override;

  std::shared_ptr<const TopicSnapshot> FindTopic(
      std::string_view name) const override;
  std::vector<std::shared_ptr<const TopicSnapshot>> ListTopics(
      std::string_view prefix, std::string_view after,
      size_t count) const override;
  void SyncTopics(absl::AnyInvocable<void(const absl::Status&)> done) override;
  void CreateTopic(v1::CreateTopicRequest request,
                   Callback<v1::CreateTopicResponse> done) override;
  void UpdateTopic(v1::UpdateTopicRequest request,
                   Callback<v1::UpdateTopicResponse> done) override;
  void DeleteTopic(v1::DeleteTopicRequest request,
                   Callback<v1::DeleteTopicResponse> done) override;
  void AddPartitions(v1::AddPartitionsRequest request,
                     Callback<v1::AddPartitionsResponse> done) override;
  void OpenProducer(v1::OpenProducerRequest request,
                    Callback<v1::OpenProducerResponse> done) override;
  void GetProducer(v1::GetProducerRequest request,
                   Callback<v1::GetProducerResponse> done) override;
  void Append(AppendCommand command, Callback<AppendResult> done) override;
  void GetEnd(GroupId group, v1::Consistency consistency,
              Callback<PartitionEnd> done) override;
  void FindTime(GroupId group, int64_t time_us, Callback<Offset> done) override;
  void Read(ReadCommand command, Callback<ReadChunk> done) override;
  uint64_t WaitForEnd(GroupId group, Offset offset,
                      Callback<Offset> done) override;
  void CancelWait(GroupId group, uint64_t token) override;
  PeerNetwork* peers() override {
    return network_ == nullptr ? nullptr : &network_->peers();
  }
  ClusterStatus* cluster_status() override { return cluster_status_.get(); }
  NodeStats Stats() const override;
  storage::WriterLoad writer_load() const override {
    return load_meter_->Read();
  }
  std::vector<PartitionStats> Partitions(size_t count) const override;

  void KeepScrubbing(const ScrubSettings& settings) override;
  v1::ScrubStatus GetScrubStatus() const override;
  uint64_t StartScrub() override;

 private:
  LocalNode(NodeOptions options, std::unique_ptr<storage::LogStore> store,
            const Identity& identity, std::function<void()> on_written);

  // The steps of OpenOn, in their order.
  absl::Status LoadKnownDamage();
  absl::Status CheckClock() const;
  absl::Status FindMetadataReplica();
  void StartThreads();
  absl::Status OpenMetadata();
  absl::Status FormOrCheckCluster();
  absl::Status ReconcileReplicas();
  void PlacePartitions();
  void PublishTopics();
  absl::Status KnowNodes();
  absl::Status JoinNetwork();
  void ShowStatus();
  // What other nodes ask.
  PeerCallbacks AnswersToNodes();
  void JoinNode(raft::v1::JoinRequest request,
                PeerCallbacks::Done<raft::v1::JoinResponse> done);
  // UNAVAILABLE unless the disk that the node of that id had is not heard.
  absl::Status CheckGone(const raft::v1::ClusterNode& heir) const;
  // Calls `done` with the status of CheckReplaceable, where this node leads the
  // metadata group; OK elsewhere.
  void CheckStillNeeded(const raft::v1::ClusterNode& heir,
                        absl::AnyInvocable<void(absl::Status)> done);
  // Of the groups that have a replica here.
  std::vector<GroupMembers> MembersOf(const GroupSurvey& survey,
                                      const std::vector<NodeInfo>& nodes) const;
  // As leader of the metadata group: commits where nodes say that they are.
  void RegisterMovedNodes();
  // Asks for what the metadata group says about the nodes by now, until it has
  // said so.
  void MakeDirectoryCurrent();
  // Tells the shards whether this node should lead, and what its append times
  // are held to.
  void LookAtFitness(const NodeNetwork& network);
  // Gives leadership away, as far as others can take it.
  void HandOver();

  // Waits for the latch; false when `timeout_us` microseconds have passed
  // first.
  bool Await(const std::shared_ptr<Latch>& latch,
             std::optional<int64_t> timeout_us = std::nullopt) const;

  // A write or sync failed: nothing is completed any more.
  void OnFatal(const absl::Status& status);
  // The directory has forgotten something: nothing is said or accepted any
  // more.
  void OnForgot(const absl::Status& status);

  // Runs `work` on the metadata group's shard and waits until it reports. For
  // opening only.
  using Report = std::function<void(const absl::Status&)>;
  absl::Status RunOnMetadataShard(
      absl::AnyInvocable<void(Shard&, Report)> work);
  // Runs `work` on the writer's thread and waits for it. For opening only.
  absl::Status RunOnWriter(
      absl::AnyInvocable<absl::Status(storage::LogStore*)> work);
  // Calls `done` with SHUTTING_DOWN and returns true once Shutdown has begun.
  template <typename T>
  bool RefuseClosed(Callback<T>& done) const;
  // Why an append is refused before its shard sees it; OK: it is not.
  absl::Status CheckAppend(const AppendCommand& command) const;
  // Refuses an append whose producer is not known here, once that is confirmed
  // by the leader of the metadata group.
  void RefuseUnknown(const v1::ProducerSequence& producer,
                     Callback<AppendResult> done);
  // DISK_FULL while the disk is nearly full.
  absl::Status CheckRoom() const;
  // Calls `done` with DISK_FULL and returns true while the disk is nearly full
  // (what makes it fuller), or critically so (anything).
  template <typename T>
  bool RefuseFull(Callback<T>& done) const;
  template <typename T>
  bool RefuseCritical(Callback<T>& done) const;

  ReplicaId self() const { return {identity_.node_id, identity_.incarnation}; }

  const NodeOptions options_;
  const Identity identity_;
  const std::function<void()> on_written_;
  AppendClock append_clock_;
  AppendBudget append_budget_;
  TopicMap topics_;
  std::shared_ptr<KnownProducers> known_producers_;
  PartitionRouter router_;
  NodeDirectory nodes_;
  HostContext host_context_;
  std::optional<storage::ReplicaInfo> metadata_replica_;

  // Each uses those above it.
  std::unique_ptr<storage::LogStore> store_;
  std::unique_ptr<storage::KnownDamage> known_damage_;
  std::unique_ptr<LogReader> log_reader_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<storage::LogWriter> writer_;
  // Outlives it.
  std::shared_ptr<const storage::WriterLoadMeter> load_meter_;
  std::unique_ptr<ReaderPool> readers_;

  MetadataGroup* metadata_ = nullptr;  // of the first shard
  std::unique_ptr<PartitionHost> host_;
  std::unique_ptr<MetadataCalls> metadata_calls_;
  std::unique_ptr<NodeScrub> scrub_;
  std::unique_ptr<LeaderBalance> balance_;
  std::unique_ptr<Membership> membership_;
  WaitingNodes waiting_nodes_;
  std::unique_ptr<SetAsideList> set_aside_;  // absent: there is no directory
  // Of the network's thread.
  LeaderFitness fitness_{storage::LogWriterOptions().slow_commit_us};
  raft::DiskHealth told_health_ = raft::DiskHealth::kHealthy;
  std::unique_ptr<ClusterStatus> cluster_status_;
  std::unique_ptr<NodeNetwork> network_;   // absent: the node is alone
  std::atomic<bool> asks_current_{false};  // MakeDirectoryCurrent waits
  std::atomic<bool> joined_{false};        // network_ is set
  uint64_t instance_ = 0;                  // this start

  std::atomic<bool> shutting_down_{false};
  std::atomic<bool> failed_{false};  // a write failed
  bool stopped_ = false;
  std::atomic<uint64_t> next_wait_token_{1};
  ReasonCounter refusals_;  // of appends, before a shard
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_LOCAL_NODE_H_
