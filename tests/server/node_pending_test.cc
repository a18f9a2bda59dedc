// What a node does while writes are on their way, or fail. The store's writes
// are held back or refused by the test.
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "server/latch.h"
#include "tests/server/awaited.h"
#include "tests/server/memory_harness.h"
#include "tests/server/node_driver.h"

namespace kappa::server {
namespace {

using Values = std::vector<std::string>;

class NodePendingTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(harness_.Open(), absl::OkStatus());
    driver_.MakeTopic("t", 1);
    group_ = driver_.GroupOf("t", 0);
    ASSERT_TRUE(driver_.GetEnd(group_).ok());  // awake, and leading
  }
  ~NodePendingTest() override {
    harness_.control().Release();
    harness_.control().ReleaseSideReads();
  }

  Awaited<AppendResult> Append(
      const Values& values,
      std::optional<v1::ProducerSequence> producer = std::nullopt,
      std::optional<uint64_t> expected_offset = std::nullopt) {
    AppendCommand command;
    command.group = group_;
    command.batch = BatchOf(values);
    command.producer = std::move(producer);
    if (expected_offset.has_value()) {
      command.expected_offset = Offset(*expected_offset);
    }
    Awaited<AppendResult> answer;
    harness_.node().Append(std::move(command), answer.callback());
    return answer;
  }
  Awaited<v1::OpenProducerResponse> OpenProducer(const std::string& name) {
    v1::OpenProducerRequest request;
    request.set_name(name);
    request.set_topic("t");
    Awaited<v1::OpenProducerResponse> answer;
    harness_.node().OpenProducer(request, answer.callback());
    return answer;
  }
  Awaited<v1::GetProducerResponse> GetProducer(const std::string& name) {
    v1::GetProducerRequest request;
    request.set_name(name);
    request.set_topic("t");
    Awaited<v1::GetProducerResponse> answer;
    harness_.node().GetProducer(request, answer.callback());
    return answer;
  }
  // Returns once the shard has dealt with everything asked of it before.
  Offset CommittedEnd() {
    ReadCommand command;
    command.group = group_;
    command.until = Offset(~uint64_t{0});
    return driver_.Read(command)->end_offset;
  }
  void Kill() {
    harness_.control().Cut();
    harness_.control().Release();
    harness_.Kill();
  }

  MemoryHarness harness_;
  NodeDriver driver_{&harness_};
  GroupId group_;
  const std::string id_ = "session-00000001";
};

// Too many open files are no damage: the partition works when they are closed.
TEST_F(NodePendingTest, ReadsThatFailStopNothing) {
  const v1::ProducerSequence first = Sequence(id_, 0, 1);
  ASSERT_TRUE(driver_.Append(group_, {"a"}, first).ok());
  Kill();
  harness_.control().Mend();
  ASSERT_EQ(harness_.Open(), absl::OkStatus());
  ASSERT_TRUE(driver_.GetEnd(group_).ok());
  harness_.control().FailReads(true);
  EXPECT_EQ(ReasonOf(driver_.Append(group_, {"a"}, first).status()),
            "OVERLOADED");
  EXPECT_EQ(
      harness_.node().Stats().shards[group_.value() % 2].damaged_partitions,
      0u);
  harness_.control().FailReads(false);
  EXPECT_EQ(driver_.Append(group_, {"a"}, first)->base_offset, Offset(0));
  EXPECT_TRUE(driver_.Append(group_, {"b"}, Sequence(id_, 0, 2)).ok());
  EXPECT_EQ(driver_.ReadAll(group_), (Values{"a", "b"}));
}

// RELIABILITY.md S12: a disk that hangs does not stop the metadata's shard.
TEST_F(NodePendingTest, NamedProducersOnAHungDiskHoldUpNobodyElse) {
  ASSERT_EQ(OpenProducer("p").Get()->epoch(), 1u);
  Kill();
  ASSERT_EQ(harness_.Open(), absl::OkStatus());
  harness_.control().HoldSideReads();
  Awaited<v1::OpenProducerResponse> first = OpenProducer("p");
  Awaited<v1::OpenProducerResponse> second = OpenProducer("p");
  Awaited<v1::GetProducerResponse> known = GetProducer("p");
  Awaited<v1::OpenProducerResponse> other = OpenProducer("new");
  // Commands and appends of both shards go on.
  driver_.MakeTopic("u", 4);
  for (uint32_t partition = 0; partition < 4; ++partition) {
    EXPECT_TRUE(driver_.Append(driver_.GroupOf("u", partition), {"a"}).ok());
  }
  EXPECT_FALSE(first.has_answer() || second.has_answer() ||
               known.has_answer() || other.has_answer());
  harness_.control().ReleaseSideReads();
  const auto opened = first.Get();
  const auto again = second.Get();
  ASSERT_TRUE(opened.ok() && again.ok());
  EXPECT_EQ(opened->epoch(), 2u);
  EXPECT_EQ(again->epoch(), 3u) << "one epoch was given out twice";
  EXPECT_EQ(again->producer_id(), opened->producer_id());
  EXPECT_GE(known.Get()->epoch(), 1u);
  EXPECT_EQ(other.Get()->epoch(), 1u);
  EXPECT_EQ(OpenProducer("p").Get()->epoch(), 4u);
  EXPECT_EQ(GetProducer("p").Get()->epoch(), 4u);
}

// The disk hangs for longer than a shutdown waits for it.
TEST_F(NodePendingTest, AnOpenThatWaitsForItsRowEndsWithTheNode) {
  harness_.control().HoldSideReads();
  Awaited<v1::OpenProducerResponse> open = OpenProducer("p");
  Awaited<v1::GetProducerResponse> known = GetProducer("p");
  std::thread shutdown([this] { harness_.node().Shutdown(); });
  EXPECT_EQ(ReasonOf(open.Get().status()), "SHUTTING_DOWN");
  EXPECT_EQ(ReasonOf(known.Get().status()), "SHUTTING_DOWN");
  harness_.control().ReleaseSideReads();
  shutdown.join();
}

TEST_F(NodePendingTest, NothingIsAnsweredOrReadBeforeItIsDurable) {
  harness_.control().Hold();
  Awaited<AppendResult> answer = Append({"a"});
  EXPECT_EQ(CommittedEnd(), Offset(0));
  EXPECT_FALSE(answer.has_answer());
  harness_.control().Release();
  EXPECT_EQ(answer.Get()->base_offset, Offset(0));
  EXPECT_EQ(CommittedEnd(), Offset(1));
}

TEST_F(NodePendingTest, ARepetitionOfAPendingBatchWaitsForIt) {
  harness_.control().Hold();
  Awaited<AppendResult> first = Append({"a"}, Sequence(id_, 0, 1));
  Awaited<AppendResult> again = Append({"a"}, Sequence(id_, 0, 1));
  Awaited<AppendResult> other = Append({"b"}, Sequence(id_, 0, 1));
  Awaited<AppendResult> gap = Append({"c"}, Sequence(id_, 0, 3));
  CommittedEnd();
  EXPECT_FALSE(first.has_answer() || again.has_answer() || other.has_answer() ||
               gap.has_answer());
  harness_.control().Release();
  EXPECT_FALSE(first.Get()->duplicate);
  const absl::StatusOr<AppendResult> repeated = again.Get();
  EXPECT_TRUE(repeated->duplicate);
  EXPECT_EQ(repeated->base_offset, Offset(0));
  EXPECT_EQ(ReasonOf(other.Get().status()), "SEQUENCE_REUSED");
  EXPECT_EQ(ReasonOf(gap.Get().status()), "SEQUENCE_GAP");
  EXPECT_EQ(driver_.ReadAll(group_), Values({"a"}));
}

TEST_F(NodePendingTest, AMismatchThatRestsOnAPendingBatchWaitsForIt) {
  harness_.control().Hold();
  Awaited<AppendResult> first = Append({"a"});
  Awaited<AppendResult> mismatch = Append({"b"}, std::nullopt, 0);
  Awaited<AppendResult> match = Append({"c"}, std::nullopt, 1);
  CommittedEnd();
  EXPECT_FALSE(mismatch.has_answer());
  harness_.control().Release();
  EXPECT_EQ(first.Get()->base_offset, Offset(0));
  const absl::Status status = mismatch.Get().status();
  EXPECT_EQ(ReasonOf(status), "EXPECTED_OFFSET_MISMATCH");
  EXPECT_EQ(FactOf(status, "end_offset"), "1");
  EXPECT_EQ(match.Get()->base_offset, Offset(1));
}

TEST_F(NodePendingTest, ARefusalIsNeverAnsweredWhenItsTailIsLost) {
  harness_.control().Hold();
  Awaited<AppendResult> lost = Append({"a"});
  Awaited<AppendResult> mismatch = Append({"b"}, std::nullopt, 0);
  CommittedEnd();
  Kill();
  EXPECT_EQ(ReasonOf(lost.Get().status()), "OUTCOME_UNKNOWN");
  EXPECT_NE(ReasonOf(mismatch.Get().status()), "EXPECTED_OFFSET_MISMATCH");
  ASSERT_EQ(harness_.Open(), absl::OkStatus());
  EXPECT_EQ(driver_.ReadAll(group_), Values());
  EXPECT_EQ(driver_.Append(group_, {"c"}, std::nullopt, 0)->base_offset,
            Offset(0));
}

TEST_F(NodePendingTest, AFullQueueIsAnImmediateRefusal) {
  harness_.Stop();
  harness_.options.append_queue_bytes = 1000;
  ASSERT_EQ(harness_.Open(), absl::OkStatus());
  ASSERT_TRUE(driver_.GetEnd(group_).ok());
  harness_.control().Hold();
  Awaited<AppendResult> accepted = Append({std::string(900, 'a')});
  const absl::Status refused = Append({std::string(200, 'b')}).Get().status();
  EXPECT_EQ(ReasonOf(refused), "OVERLOADED");
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(FactOf(refused, "retry_after_ms").empty());
  EXPECT_EQ(FactOf(refused, "outcome"), "definite");
  harness_.control().Release();
  EXPECT_TRUE(accepted.Get().ok());
  EXPECT_TRUE(Append({std::string(200, 'b')}).Get().ok());
  // One append that is larger than the whole queue still fits an empty one.
  EXPECT_TRUE(Append({std::string(5000, 'c')}).Get().ok());
  EXPECT_GE(harness_.node().Stats().refusals[v1::ERROR_REASON_OVERLOADED], 1u);
}

TEST_F(NodePendingTest, ShutdownFinishesWhatWasAccepted) {
  harness_.control().Hold();
  std::vector<Awaited<AppendResult>> answers;
  for (int i = 0; i < 50; ++i) answers.push_back(Append({"v"}));
  CommittedEnd();
  harness_.control().Release();
  harness_.node().Shutdown();
  for (Awaited<AppendResult>& answer : answers) {
    ASSERT_TRUE(answer.has_answer());
    EXPECT_TRUE(answer.Get().ok());
  }
}

TEST_F(NodePendingTest, ABackwardsReadServesWhatStandsAboveDamage) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(Append({"v"}).Get().ok());
  harness_.Stop();  // nothing stays in the window
  const ReplicaNumber replica = harness_.store().Replicas().back().number;
  const LogIndex damaged = *harness_.store().FindOffset(replica, Offset(3));
  harness_.store().DamageEntry(replica, damaged);
  ASSERT_EQ(harness_.Open(), absl::OkStatus());
  ReadCommand command;
  command.group = group_;
  command.backwards = true;
  command.from = Offset(6);
  std::vector<Offset> read;
  absl::StatusOr<ReadChunk> chunk = driver_.Read(command);
  while (chunk.ok() && !chunk->entries.empty()) {
    for (const storage::StoredEntry& entry : chunk->entries) {
      read.push_back(entry.header.base_offset);
    }
    command.from = chunk->next_offset;
    chunk = driver_.Read(command);
  }
  EXPECT_EQ(ReasonOf(chunk.status()), "DATA_DAMAGED");
  EXPECT_EQ(read, std::vector<Offset>({Offset(5), Offset(4)}));
}

// --- a crash within a change of topics ---

class NodeTopicCrashTest : public testing::Test {
 protected:
  void Open() { ASSERT_EQ(harness_.Open(), absl::OkStatus()); }
  // From now on creating, or dropping, replicas fails.
  void CrashBeforeReplicas(bool creates) {
    failed_ = std::make_shared<Latch>(1);
    harness_.control().before_replicas = [creates, failed = failed_](bool now) {
      if (now != creates) return absl::OkStatus();
      failed->CountDown();
      return absl::UnavailableError("crash");
    };
  }
  void AwaitCrashAndReopen() {
    ASSERT_TRUE(failed_->WaitFor(20'000'000));
    harness_.Kill();
    harness_.control().before_replicas = nullptr;
    harness_.control().before_commit = nullptr;
    Open();
  }

  MemoryHarness harness_;
  NodeDriver driver_{&harness_};
  std::shared_ptr<Latch> failed_;
};

TEST_F(NodeTopicCrashTest, ReplicasThatWereNotCreatedAreCreatedAtOpen) {
  Open();  // its own first replica is there before the crash
  harness_.Stop();
  CrashBeforeReplicas(true);
  Open();
  v1::CreateTopicRequest request;
  request.set_name("t");
  request.set_partitions(3);
  Awaited<v1::CreateTopicResponse> answer;
  harness_.node().CreateTopic(request, answer.callback());
  AwaitCrashAndReopen();
  ASSERT_TRUE(answer.has_answer()) << "every request is answered";
  EXPECT_EQ(ReasonOf(answer.Get().status()), "OUTCOME_UNKNOWN");
  ASSERT_NE(driver_.node().FindTopic("t"), nullptr);
  EXPECT_EQ(harness_.store().Replicas().size(), 4u);
  EXPECT_TRUE(driver_.Append(driver_.GroupOf("t", 2), {"a"}).ok());
}

TEST_F(NodeTopicCrashTest, ReplicasThatWereNotDroppedAreDroppedAtOpen) {
  CrashBeforeReplicas(false);
  Open();
  driver_.MakeTopic("t", 3);
  driver_.MakeTopic("kept", 1);
  ASSERT_TRUE(driver_.DeleteTopic("t").ok());
  AwaitCrashAndReopen();
  EXPECT_EQ(driver_.node().FindTopic("t"), nullptr);
  EXPECT_EQ(harness_.store().Replicas().size(), 2u);
  EXPECT_TRUE(driver_.Append(driver_.GroupOf("kept", 0), {"a"}).ok());
}

TEST_F(NodeTopicCrashTest, CommandsWhoseRowsWereLostAreAppliedAgain) {
  failed_ = std::make_shared<Latch>(1);
  Open();
  driver_.MakeTopic("first", 1);
  harness_.Stop();
  harness_.control().before_commit =
      [this](absl::Span<const storage::GroupWrite> writes) {
        for (const storage::GroupWrite& write : writes) {
          if (write.entries.empty() && !write.side_rows.empty()) {
            failed_->CountDown();
            return absl::UnavailableError("crash");
          }
        }
        return absl::OkStatus();
      };
  Open();
  v1::CreateTopicRequest request;
  request.set_name("second");
  Awaited<v1::CreateTopicResponse> answer;
  harness_.node().CreateTopic(request, answer.callback());
  AwaitCrashAndReopen();
  ASSERT_NE(driver_.node().FindTopic("first"), nullptr);
  ASSERT_NE(driver_.node().FindTopic("second"), nullptr);
  EXPECT_NE(driver_.GroupOf("first", 0), driver_.GroupOf("second", 0));
  EXPECT_TRUE(driver_.Append(driver_.GroupOf("second", 0), {"a"}).ok());
  // And they are not applied twice.
  harness_.Stop();
  Open();
  EXPECT_EQ(harness_.store().Replicas().size(), 3u);
  EXPECT_EQ(driver_.ReadAll(driver_.GroupOf("second", 0)), Values({"a"}));
}

TEST_F(NodeTopicCrashTest, ADirectoryWithoutItsMetadataIsRefused) {
  Open();
  harness_.Stop();
  MemoryHarness empty;
  empty.identity = harness_.identity;
  ASSERT_TRUE(empty.identity.formed);
  EXPECT_EQ(empty.Open().code(), absl::StatusCode::kDataLoss);
}

TEST_F(NodeTopicCrashTest, AnotherClustersDirectoryIsRefused) {
  Open();
  harness_.Stop();
  harness_.identity = Identity::OfNewCluster();
  EXPECT_EQ(harness_.Open().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace kappa::server
