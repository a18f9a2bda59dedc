// The client on three real nodes, of which one at a time is killed, paused or
// stopped while a producer appends and a replay follows. Nothing timed is
// asserted; the longest time without an acknowledgement is printed.
#include <atomic>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cpp/admin.h"
#include "client/cpp/client.h"
#include "client/cpp/producer.h"
#include "client/cpp/replay.h"
#include "gtest/gtest.h"
#include "proto/wire/mutex.h"
#include "tests/process/kappad_cluster.h"

namespace kappa::client {
namespace {

using ::kappa::tests::KappadCluster;
using ::kappa::tests::KappadProcess;

constexpr absl::Duration kPatience = absl::Minutes(1);

// Appends "0", "1", ... to partition 0 as fast as answers come, until told to
// stop, and sees that each lands at the offset of its number.
class Load {
 public:
  explicit Load(std::unique_ptr<Producer> producer)
      : producer_(std::move(producer)), thread_([this] { Run(); }) {}
  ~Load() { Stop(); }

  // Returns how many were appended; all are stored then.
  uint64_t Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return sent_;
  }

  // Waits until `count` more are stored.
  void AwaitMore(uint64_t count) {
    MutexLock lock(&mutex_);
    const uint64_t goal = stored_ + count;
    const absl::Time deadline = absl::Now() + kPatience;
    while (stored_ < goal && absl::Now() < deadline) {
      changed_.WaitFor(&mutex_, 100'000);
    }
    EXPECT_GE(stored_, goal) << "no progress";
  }

  // Longest time without an answer since the last call.
  absl::Duration TakeLongestGap() {
    MutexLock lock(&mutex_);
    return std::exchange(longest_gap_, absl::ZeroDuration());
  }

 private:
  void Run() {
    while (!stop_) {
      const uint64_t number = sent_++;
      const std::string value = std::to_string(number);
      const absl::Status status = producer_->Append(
          {.value = value}, 0, [this, number](const auto& result) {
            ASSERT_TRUE(result.ok()) << number << ": " << result.status();
            ASSERT_EQ(result->offset, Offset(number));
            NoteStored();
          });
      ASSERT_TRUE(status.ok()) << status;
      AwaitRoom();
    }
    const absl::Status flushed = producer_->Flush(kPatience);
    EXPECT_TRUE(flushed.ok()) << flushed;
  }

  void NoteStored() {
    MutexLock lock(&mutex_);
    const absl::Time now = absl::Now();
    if (stored_ > 0) longest_gap_ = std::max(longest_gap_, now - last_);
    last_ = now;
    ++stored_;
    changed_.SignalAll();
  }

  // A few hundred are under way at once.
  void AwaitRoom() {
    MutexLock lock(&mutex_);
    while (sent_ - stored_ > 300 && !stop_) changed_.WaitFor(&mutex_, 10'000);
  }

  std::unique_ptr<Producer> producer_;
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> sent_{0};
  Mutex mutex_;
  CondVar changed_;
  uint64_t stored_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time last_ ABSL_GUARDED_BY(mutex_);
  absl::Duration longest_gap_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// Follows partition 0 from the beginning and sees that the numbers come once
// and in order.
class Follower {
 public:
  explicit Follower(std::shared_ptr<Client> client) {
    ReplayOptions options;
    options.topic = "t";
    options.heartbeat = absl::Milliseconds(500);
    replay_ = *Replay::Start(std::move(client), options);
    thread_ = std::thread([this] {
      while (replay_->Next()) {
        const ReplayRecord& record = replay_->record();
        EXPECT_EQ(record.offset, Offset(seen_));
        EXPECT_EQ(*record.value, std::to_string(seen_));
        ++seen_;
      }
    });
  }
  ~Follower() {
    replay_->Cancel();
    thread_.join();
  }

  void Await(uint64_t count) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (seen_ < count && absl::Now() < deadline) std::this_thread::yield();
    EXPECT_EQ(seen_, count);
  }

 private:
  std::unique_ptr<Replay> replay_;
  std::atomic<uint64_t> seen_{0};
  std::thread thread_;
};

class ClusterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const absl::Status started = cluster_.Start();
    ASSERT_TRUE(started.ok()) << started;
    client_ = NewClient();
    v1::CreateTopicRequest request;
    request.set_name("t");
    request.set_partitions(1);
    request.set_replicas(3);
    const auto created = Admin(client_).CreateTopic(request);
    ASSERT_TRUE(created.ok()) << created.status();
  }
  void TearDown() override {
    if (!HasFailure()) return;
    for (size_t i = 0; i < cluster_.size(); ++i) {
      std::cerr << "--- node " << i + 1 << "\n"
                << cluster_.node(i).LogTail() << "\n";
    }
  }

  std::shared_ptr<Client> NewClient() {
    return *Client::Connect({.seeds = cluster_.Seeds()});
  }
  std::unique_ptr<Producer> NewProducer(const std::string& name) {
    ProducerOptions options;
    options.topic = "t";
    options.name = name;
    options.batch_records = 10;
    auto producer = Producer::Create(client_, options);
    EXPECT_TRUE(producer.ok()) << producer.status();
    return producer.ok() ? *std::move(producer) : nullptr;
  }
  // Who led the partition when the producer was last answered.
  KappadProcess& Leader() {
    return cluster_.node(cluster_.IndexOf(client_->AddressOf("t", 0)));
  }

  // Lets `harm` happen to the leader `times` times under load, each time
  // mended by `mend`, and sees that nothing is lost, repeated or out of order.
  void HarmTheLeader(const std::string& producer_name, int times,
                     const std::function<void(KappadProcess&)>& harm,
                     const std::function<void(KappadProcess&)>& mend) {
    Follower follower(NewClient());
    std::unique_ptr<Producer> producer = NewProducer(producer_name);
    ASSERT_NE(producer, nullptr);
    Load load(std::move(producer));
    load.AwaitMore(500);
    load.TakeLongestGap();
    for (int i = 0; i < times; ++i) {
      KappadProcess& leader = Leader();
      harm(leader);
      load.AwaitMore(500);
      mend(leader);
      load.AwaitMore(500);
      std::cout << "longest time without an answer: " << load.TakeLongestGap()
                << "\n";
    }
    const uint64_t sent = load.Stop();
    follower.Await(sent);
    ExpectAllReplicasHave(sent);
  }

  // Read from each node alone, by fresh clients.
  void ExpectAllReplicasHave(uint64_t count) {
    for (size_t i = 0; i < cluster_.size(); ++i) {
      auto client = Client::Connect({.seeds = cluster_.node(i).address()});
      ASSERT_TRUE(client.ok()) << client.status();
      v1::GetOffsetsRequest request;
      request.set_topic("t");
      const auto offsets = Admin(*client).GetOffsets(request);
      ASSERT_TRUE(offsets.ok()) << offsets.status();
      EXPECT_EQ(offsets->end_offset(), count);
      Follower(*client).Await(count);
    }
  }

  KappadCluster cluster_{3};
  std::shared_ptr<Client> client_;
};

void Restart(KappadProcess& node) {
  const absl::Status started = node.Start();
  ASSERT_TRUE(started.ok()) << started;
}

TEST_F(ClusterTest, TheLeaderIsKilled) {
  HarmTheLeader(
      "", 3, [](KappadProcess& node) { node.Kill(); }, Restart);
}

TEST_F(ClusterTest, TheLeaderOfANamedProducerIsKilled) {
  HarmTheLeader(
      "p", 2, [](KappadProcess& node) { node.Kill(); }, Restart);
}

TEST_F(ClusterTest, TheLeaderIsPaused) {
  HarmTheLeader(
      "", 2, [](KappadProcess& node) { node.Pause(); },
      [](KappadProcess& node) { node.Resume(); });
}

TEST_F(ClusterTest, TheLeaderEndsInPeace) {
  HarmTheLeader(
      "", 3,
      [](KappadProcess& node) {
        const absl::StatusOr<int> ended = node.Terminate();
        ASSERT_TRUE(ended.ok()) << ended.status();
        EXPECT_EQ(*ended, 0);
      },
      Restart);
}

TEST_F(ClusterTest, AnyNodeAnswersAnything) {
  uint64_t epoch = 0;
  for (size_t i = 0; i < cluster_.size(); ++i) {
    auto client = Client::Connect({.seeds = cluster_.node(i).address()});
    ASSERT_TRUE(client.ok()) << client.status();
    Admin admin(*client);
    v1::CreateTopicRequest create;
    create.set_name(absl::StrCat("at", i));
    create.set_partitions(4);
    create.set_replicas(3);
    const auto created = admin.CreateTopic(create);
    ASSERT_TRUE(created.ok()) << created.status();
    EXPECT_TRUE(admin.GetTopic(create.name()).ok());
    v1::OpenProducerRequest open;
    open.set_name("p");
    open.set_topic(create.name());
    open.add_partitions(0);
    open.add_partitions(3);
    const auto opened = admin.OpenProducer(open);
    ASSERT_TRUE(opened.ok()) << opened.status();
    // A repetition, while partitions have no leader yet, raises it further.
    EXPECT_GT(opened->epoch(), epoch);
    epoch = opened->epoch();
    auto producer = Producer::Create(*client, {.topic = create.name()});
    ASSERT_TRUE(producer.ok()) << producer.status();
    for (uint32_t partition = 0; partition < 4; ++partition) {
      const auto stored =
          (*producer)->AppendFuture({.value = "v"}, partition).get();
      EXPECT_TRUE(stored.ok()) << stored.status();
      v1::ReadRequest read;
      read.set_topic(create.name());
      read.set_partition(partition);
      const auto answer = admin.Read(read);
      ASSERT_TRUE(answer.ok()) << answer.status();
      EXPECT_EQ(answer->end_offset(), 1u);
    }
  }
}

}  // namespace
}  // namespace kappa::client
