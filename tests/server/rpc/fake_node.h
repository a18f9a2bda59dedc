// FakeNode: a Node of one topic that answers every request as it is told.
#ifndef KAPPA_TESTS_SERVER_RPC_FAKE_NODE_H_
#define KAPPA_TESTS_SERVER_RPC_FAKE_NODE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "proto/wire/mutex.h"
#include "server/errors.h"
#include "server/node.h"
#include "server/node_stats.h"

namespace kappa::server {

// Refuses with refusal() while that is an error; else appends get offset 7,
// reads find an empty partition, and everything else gets an empty answer.
//
// Thread safety: thread-safe.
class FakeNode final : public Node {
 public:
  FakeNode() {
    auto topic = std::make_shared<TopicSnapshot>();
    topic->topic.set_name("orders");
    topic->topic.set_partitions(1);
    topic->batch_bytes_max = 1 << 20;
    topic->batch_records_max = 1000;
    topic->groups = {GroupId(9)};
    topic_ = std::move(topic);
  }

  void SetRefusal(absl::Status refusal) {
    MutexLock lock(&mutex_);
    refusal_ = std::move(refusal);
  }
  // As a replica that does not lead; `node` 0: it does not know who does.
  void FollowNode(uint64_t node) {
    if (node == 0) {
      return SetRefusal(MakeError(v1::ERROR_REASON_NOT_LEADER, "not here"));
    }
    SetRefusal(MakeError(v1::ERROR_REASON_NOT_LEADER, "not here",
                         {{"leader_node", std::to_string(node)},
                          {"leader", "127.0.0.1:" + std::to_string(node)}}));
  }
  // Makes the topic known only after the next SyncTopics, which ends with
  // `synced`.
  void HideTopic(absl::Status synced = absl::OkStatus()) {
    MutexLock lock(&mutex_);
    hidden_ = true;
    synced_ = std::move(synced);
  }
  int syncs() const {
    MutexLock lock(&mutex_);
    return syncs_;
  }
  int requests() const {
    MutexLock lock(&mutex_);
    return requests_;
  }

  void Shutdown() override {}
  std::shared_ptr<const TopicSnapshot> FindTopic(
      std::string_view name) const override {
    MutexLock lock(&mutex_);
    return name == "orders" && !hidden_ ? topic_ : nullptr;
  }
  void SyncTopics(absl::AnyInvocable<void(const absl::Status&)> done) override {
    absl::Status synced;
    {
      MutexLock lock(&mutex_);
      ++syncs_;
      synced = synced_;
      hidden_ = hidden_ && !synced.ok();
    }
    done(synced);
  }
  std::vector<std::shared_ptr<const TopicSnapshot>> ListTopics(
      std::string_view, std::string_view, size_t) const override {
    return {topic_};
  }
  void CreateTopic(v1::CreateTopicRequest,
                   Callback<v1::CreateTopicResponse> done) override {
    Answer({}, std::move(done));
  }
  void UpdateTopic(v1::UpdateTopicRequest,
                   Callback<v1::UpdateTopicResponse> done) override {
    Answer({}, std::move(done));
  }
  void DeleteTopic(v1::DeleteTopicRequest,
                   Callback<v1::DeleteTopicResponse> done) override {
    Answer({}, std::move(done));
  }
  void AddPartitions(v1::AddPartitionsRequest,
                     Callback<v1::AddPartitionsResponse> done) override {
    Answer({}, std::move(done));
  }
  void OpenProducer(v1::OpenProducerRequest,
                    Callback<v1::OpenProducerResponse> done) override {
    Answer({}, std::move(done));
  }
  void GetProducer(v1::GetProducerRequest,
                   Callback<v1::GetProducerResponse> done) override {
    Answer({}, std::move(done));
  }
  void Append(AppendCommand command, Callback<AppendResult> done) override {
    AppendResult result;
    result.base_offset = Offset(7);
    result.next_offset = Offset(7 + command.batch.record_count);
    Answer(result, std::move(done));
  }
  void GetEnd(GroupId, v1::Consistency, Callback<PartitionEnd> done) override {
    Answer({}, std::move(done));
  }
  void FindTime(GroupId, int64_t, Callback<Offset> done) override {
    Answer({}, std::move(done));
  }
  void Read(ReadCommand, Callback<ReadChunk> done) override {
    Answer({}, std::move(done));
  }
  uint64_t WaitForEnd(GroupId, Offset, Callback<Offset> done) override {
    MutexLock lock(&mutex_);
    waiting_ = std::move(done);
    changed_.SignalAll();
    return 1;
  }
  void CancelWait(GroupId, uint64_t) override {
    EndWait(absl::CancelledError("cancelled"));
  }
  // Waits until a reader waits at the end.
  void AwaitReader() {
    MutexLock lock(&mutex_);
    while (!waiting_) changed_.Wait(&mutex_);
  }
  // Answers that reader, if there is one.
  void EndWait(absl::StatusOr<Offset> end) {
    Callback<Offset> done;
    {
      MutexLock lock(&mutex_);
      done = std::exchange(waiting_, nullptr);
    }
    if (done) done(std::move(end));
  }
  NodeStats Stats() const override { return {}; }
  std::vector<PartitionStats> Partitions(size_t) const override { return {}; }

 private:
  template <typename T>
  void Answer(T answer, Callback<T> done) {
    absl::Status refusal;
    {
      MutexLock lock(&mutex_);
      ++requests_;
      refusal = refusal_;
    }
    if (refusal.ok()) return done(std::move(answer));
    done(std::move(refusal));
  }

  std::shared_ptr<const TopicSnapshot> topic_;
  mutable Mutex mutex_;
  CondVar changed_;
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  int requests_ ABSL_GUARDED_BY(mutex_) = 0;
  bool hidden_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status synced_ ABSL_GUARDED_BY(mutex_);
  int syncs_ ABSL_GUARDED_BY(mutex_) = 0;
  Callback<Offset> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_RPC_FAKE_NODE_H_
