#include "server/local_node.h"

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "server/append_check.h"
#include "server/errors.h"
#include "server/latch.h"
#include "server/not_leader.h"

namespace kappa::server {
namespace {

using storage::LogStore;
using storage::ReplicaInfo;

constexpr int64_t kFinishUsMax = 3'000'000;

absl::Status ShuttingDown() {
  return MakeError(v1::ERROR_REASON_SHUTTING_DOWN, "the node shuts down");
}

// Answers SHUTTING_DOWN where nobody has answered.
class SyncAnswer {
 public:
  using Done = absl::AnyInvocable<void(const absl::Status&)>;
  explicit SyncAnswer(Done done) : done_(std::move(done)) {}
  ~SyncAnswer() { Give(ShuttingDown()); }

  void Give(const absl::Status& status) {
    if (done_) std::exchange(done_, nullptr)(status);
  }

 private:
  Done done_;
};

}  // namespace

LocalNode::LocalNode(NodeOptions options, std::unique_ptr<LogStore> store,
                     const Identity& identity, std::function<void()> on_written)
    : options_(std::move(options)),
      identity_(identity),
      on_written_(std::move(on_written)),
      append_clock_(options_.clock),
      append_budget_(options_.append_queue_bytes),
      store_(std::move(store)) {}

bool LocalNode::Await(const std::shared_ptr<Latch>& latch,
                      std::optional<int64_t> timeout_us) const {
  if (options_.turns != nullptr) {
    return options_.turns->RunUntil([latch] { return latch->zero(); },
                                    timeout_us);
  }
  if (timeout_us.has_value()) return latch->WaitFor(*timeout_us);
  latch->Wait();
  return true;
}

void LocalNode::OnFatal(const absl::Status& status) {
  failed_.store(true);
  options_.on_fatal(status);
}

// --- shutting down ---

LocalNode::~LocalNode() { Shutdown(); }

void LocalNode::Shutdown() {
  shutting_down_.store(true);
  if (stopped_) return;
  stopped_ = true;
  if (scrub_ != nullptr) scrub_->Stop();
  if (network_ != nullptr && !failed_.load()) HandOver();
  auto finished = std::make_shared<Latch>(shards_.size());
  for (const std::unique_ptr<Shard>& shard : shards_) {
    shard->Post([finished](Shard& shard) {
      shard.Finish(ShuttingDown(), [finished] { finished->CountDown(); });
    });
  }
  // After a failed write nothing is completed any more.
  if (!failed_.load()) Await(finished, kFinishUsMax);
  if (network_ != nullptr) network_->Stop();
  for (const std::unique_ptr<Shard>& shard : shards_) shard->Stop();
  if (host_ != nullptr) host_->Abandon();
  // Their jobs and completions find the shards closed, but there.
  readers_.reset();
  writer_.reset();
  if (on_written_) on_written_();
}

template <typename T>
bool LocalNode::RefuseClosed(Callback<T>& done) const {
  if (!shutting_down_.load(std::memory_order_relaxed)) return false;
  done(ShuttingDown());
  return true;
}

absl::Status LocalNode::CheckRoom() const {
  return options_.disk == nullptr ? absl::OkStatus()
                                  : options_.disk->CheckAccepting();
}

template <typename T>
bool LocalNode::RefuseFull(Callback<T>& done) const {
  absl::Status status = CheckRoom();
  if (status.ok()) return false;
  done(std::move(status));
  return true;
}

template <typename T>
bool LocalNode::RefuseCritical(Callback<T>& done) const {
  if (options_.disk == nullptr) return false;
  absl::Status status = options_.disk->CheckNotCritical();
  if (status.ok()) return false;
  done(std::move(status));
  return true;
}

// --- topics and producers ---

std::shared_ptr<const TopicSnapshot> LocalNode::FindTopic(
    std::string_view name) const {
  return topics_.Find(name);
}

std::vector<std::shared_ptr<const TopicSnapshot>> LocalNode::ListTopics(
    std::string_view prefix, std::string_view after, size_t count) const {
  return topics_.List(prefix, after, count);
}

void LocalNode::SyncTopics(absl::AnyInvocable<void(const absl::Status&)> done) {
  if (shutting_down_.load(std::memory_order_relaxed)) {
    return done(ShuttingDown());
  }
  if (network_ == nullptr) return done(absl::OkStatus());
  metadata_calls_->AfterReadPoint(
      [this, done = std::move(done)](const absl::Status& status) mutable {
        if (!status.ok()) return done(status);
        auto answer = std::make_shared<SyncAnswer>(std::move(done));
        host_->WhenReal([answer] { answer->Give(absl::OkStatus()); });
      });
}

void LocalNode::CreateTopic(v1::CreateTopicRequest request,
                            Callback<v1::CreateTopicResponse> done) {
  if (RefuseClosed(done) || RefuseFull(done)) return;
  metadata_calls_->CreateTopic(request, std::move(done));
}

void LocalNode::UpdateTopic(v1::UpdateTopicRequest request,
                            Callback<v1::UpdateTopicResponse> done) {
  if (RefuseClosed(done) || RefuseCritical(done)) return;
  metadata_calls_->UpdateTopic(std::move(request), std::move(done));
}

void LocalNode::DeleteTopic(v1::DeleteTopicRequest request,
                            Callback<v1::DeleteTopicResponse> done) {
  if (RefuseClosed(done) || RefuseCritical(done)) return;
  metadata_calls_->DeleteTopic(std::move(request), std::move(done));
}

void LocalNode::AddPartitions(v1::AddPartitionsRequest request,
                              Callback<v1::AddPartitionsResponse> done) {
  if (RefuseClosed(done) || RefuseFull(done)) return;
  metadata_calls_->AddPartitions(std::move(request), std::move(done));
}

void LocalNode::OpenProducer(v1::OpenProducerRequest request,
                             Callback<v1::OpenProducerResponse> done) {
  if (RefuseClosed(done) || RefuseFull(done)) return;
  metadata_calls_->OpenProducer(std::move(request), std::move(done));
}

void LocalNode::GetProducer(v1::GetProducerRequest request,
                            Callback<v1::GetProducerResponse> done) {
  if (RefuseClosed(done)) return;
  metadata_calls_->GetProducer(std::move(request), std::move(done));
}

// --- partitions ---

namespace {

// What an append holds until it is answered: its payload, its state (in the
// pending entry and in the write), and about a kilobyte of headers, queue slots
// and callbacks.
size_t MemoryOf(const AppendCommand& command) {
  constexpr size_t kFixedBytes = 1024;
  const size_t state_bytes =
      command.producer.has_value() ? command.producer->state().size() : 0;
  return command.batch.payload.bytes() + 2 * state_bytes + kFixedBytes;
}

}  // namespace

absl::Status LocalNode::CheckAppend(const AppendCommand& command) const {
  if (shutting_down_.load(std::memory_order_relaxed)) return ShuttingDown();
  // One with a producer may be a repetition, which needs no room: the partition
  // asks.
  if (!command.producer.has_value()) return CheckRoom();
  const v1::ProducerSequence& producer = *command.producer;
  const absl::Status legal = CheckProducerSequence(producer);
  if (!legal.ok()) return legal;
  if (producer.epoch() > 0 &&
      !known_producers_->WasOpened(producer.id(), producer.epoch())) {
    return NeverOpened(producer);
  }
  return absl::OkStatus();
}

void LocalNode::RefuseUnknown(const v1::ProducerSequence& producer,
                              Callback<AppendResult> done) {
  auto answer = std::make_shared<Callback<AppendResult>>(std::move(done));
  Shard::Task ask = [this, producer, answer](Shard& shard) {
    shard.Touch(metadata_);
    metadata_->AfterReadPoint([this, producer,
                               answer](const absl::Status& status) {
      absl::Status refusal = NeverOpened(producer);
      if (!status.ok()) {
        // Not with the metadata group's leader: who leads the partition is
        // another matter.
        refusal = NotLeaderError(std::nullopt, nullptr);
      } else if (known_producers_->WasOpened(producer.id(), producer.epoch())) {
        refusal = MakeError(v1::ERROR_REASON_OVERLOADED,
                            "this node has learnt of the producer just now",
                            {{"retry_after_ms", "1"}});
      }
      refusals_.Count(refusal);
      (*answer)(std::move(refusal));
    });
  };
  if (shards_[0]->TryPost(ask)) return;
  refusals_.Count(shards_[0]->Refusal());
  (*answer)(shards_[0]->Refusal());
}

void LocalNode::Append(AppendCommand command, Callback<AppendResult> done) {
  PendingAppend append;
  absl::Status refusal = CheckAppend(command);
  if (!refusal.ok() && network_ != nullptr && command.producer.has_value() &&
      ErrorInfoOf(refusal).reason() == "PRODUCER_UNKNOWN") {
    // Another node may have opened it, and this one not heard of it yet.
    return RefuseUnknown(*command.producer, std::move(done));
  }
  if (refusal.ok()) {
    append.permit = append_budget_.TryAcquire(MemoryOf(command));
    if (!append.permit) {
      refusal = MakeError(v1::ERROR_REASON_OVERLOADED,
                          "too many bytes are waiting to be appended",
                          {{"retry_after_ms", "50"}});
    }
  }
  if (!refusal.ok()) {
    refusals_.Count(refusal);
    return done(std::move(refusal));
  }
  append.done = std::move(done);
  const GroupId group = command.group;
  router_.ShardOf(group)->Append(std::move(command), std::move(append));
}

void LocalNode::GetEnd(GroupId group, v1::Consistency consistency,
                       Callback<PartitionEnd> done) {
  if (RefuseClosed(done)) return;
  router_.Route<PartitionEnd>(
      group, std::move(done),
      [consistency](Partition& partition, Callback<PartitionEnd> done) {
        partition.GetEnd(consistency, std::move(done));
      });
}

void LocalNode::FindTime(GroupId group, int64_t time_us,
                         Callback<Offset> done) {
  if (RefuseClosed(done)) return;
  router_.Route<Offset>(group, std::move(done),
                        [time_us](Partition& partition, Callback<Offset> done) {
                          partition.FindTime(time_us, std::move(done));
                        });
}

void LocalNode::Read(ReadCommand command, Callback<ReadChunk> done) {
  if (RefuseClosed(done)) return;
  router_.Route<ReadChunk>(
      command.group, std::move(done),
      [command](Partition& partition, Callback<ReadChunk> done) {
        partition.Read(command, std::move(done));
      });
}

uint64_t LocalNode::WaitForEnd(GroupId group, Offset offset,
                               Callback<Offset> done) {
  const uint64_t token = next_wait_token_.fetch_add(1);
  if (RefuseClosed(done)) return token;
  router_.Route<Offset>(
      group, std::move(done),
      [token, offset](Partition& partition, Callback<Offset> done) {
        partition.WaitForEnd(token, offset, std::move(done));
      });
  return token;
}

void LocalNode::CancelWait(GroupId group, uint64_t token) {
  router_.ShardOf(group)->Post([group, token](Shard& shard) {
    Partition* const partition = shard.FindAwake(group);
    if (partition != nullptr) partition->CancelWait(token);
  });
}

NodeStats LocalNode::Stats() const {
  NodeStats stats;
  for (const std::unique_ptr<Shard>& shard : shards_) {
    stats.shards.push_back(shard->stats());
    const ShardCounters& counters = shard->counters();
    stats.positions.last += counters.last_index.value();
    stats.positions.committed += counters.committed_index.value();
    stats.positions.end_offset += counters.end_offset.value();
    stats.metadata_applied_index += counters.metadata_applied.value();
    stats.named_producers += counters.named_producers.value();
  }
  if (readers_ != nullptr) {
    const ReaderPool::Stats pool = readers_->stats();
    stats.readers.queued_points = pool.queued_points;
    stats.readers.queued_replays = pool.queued_replays;
    stats.readers.active = pool.active;
    stats.readers.refusals = pool.refusals;
    stats.readers.point_reads = pool.points;
    stats.readers.replay_reads = pool.replays;
  }
  stats.readers.bytes = log_reader_->bytes_read();
  stats.readers.shared_chunks = log_reader_->shared_chunks();
  stats.readers.chunk_bytes = log_reader_->chunk_bytes();
  if (writer_ != nullptr) stats.writer = writer_->stats();
  if (network_ != nullptr) stats.peers = network_->Traffic();
  stats.topics = topics_.size();
  stats.partitions = topics_.partitions();
  stats.in_flight_append_bytes = append_budget_.used();
  stats.store = store_->Condition();
  refusals_.AddTo(&stats.refusals);
  if (options_.disk != nullptr) {
    stats.disk.level = static_cast<uint64_t>(options_.disk->level());
    stats.disk.low_bytes = options_.disk->low_bytes();
    stats.disk.critical_bytes = options_.disk->critical_bytes();
    stats.disk.ballast_bytes = options_.disk->ballast_bytes();
    stats.disk.refusals = options_.disk->refusals();
  }
  return stats;
}

std::vector<PartitionStats> LocalNode::Partitions(size_t count) const {
  std::map<GroupId, ReplicaNumber> replicas;
  for (const ReplicaInfo& replica : store_->Replicas()) {
    replicas[replica.spec.group] = replica.number;
  }
  std::vector<PartitionStats> partitions;
  // As many topics as can be among the first `count` partitions.
  for (const auto& topic : topics_.List("", "", count)) {
    for (uint32_t i = 0; i < topic->groups.size(); ++i) {
      if (partitions.size() == count) return partitions;
      const auto replica = replicas.find(topic->groups[i]);
      if (replica == replicas.end()) continue;
      const absl::StatusOr<storage::ReplicaPosition> position =
          store_->Position(replica->second);
      if (!position.ok()) continue;  // it is being dropped
      partitions.push_back({.topic = topic->topic.name(),
                            .partition = i,
                            .last_index = position->last.index.value(),
                            .first_offset = position->base.offset.value(),
                            .end_offset = position->end_offset.value()});
    }
  }
  return partitions;
}

// --- maintenance ---

void LocalNode::KeepScrubbing(const ScrubSettings& settings) {
  KAPPA_CHECK(scrub_ == nullptr, "a node scrubs once");
  NodeScrubOptions scrub;
  scrub.data_dir = options_.data_dir;
  scrub.settings = settings;
  scrub.clock = options_.clock;
  scrub.known_damage = known_damage_.get();
  scrub.on_fatal = [this](const absl::Status& status) { OnFatal(status); };
  scrub_ = std::make_unique<NodeScrub>(scrub, store_.get(), &topics_, &router_);
}

v1::ScrubStatus LocalNode::GetScrubStatus() const {
  return scrub_ == nullptr ? v1::ScrubStatus() : scrub_->Status();
}

uint64_t LocalNode::StartScrub() {
  return scrub_ == nullptr ? 0 : scrub_->Start();
}

}  // namespace kappa::server
