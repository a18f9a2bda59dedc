// Three nodes, of which some have no room, a slow disk, damaged entries or a
// clock that is off: others lead, and nothing needs a restart.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/wire/crc32c.h"
#include "tests/server/awaited.h"
#include "tests/server/node_cluster.h"

namespace kappa::server {
namespace {

class NodeTroubleTest : public testing::Test {
 protected:
  NodeTroubleTest() {
    cluster_.MakeTopic("t", 1);
    group_ = cluster_.GroupOf("t", 0);
    Append();
  }

  void Append() {
    expected_.push_back(absl::StrCat("v", expected_.size()));
    cluster_.Append(group_, expected_.back(),
                    Sequence("0123456789abcdef", 0, expected_.size()));
  }
  // Appends until another node leads; returns which.
  size_t AwaitOtherLeader(size_t than) {
    size_t leader = than;
    EXPECT_TRUE(cluster_.Await([&] {
      Append();
      leader = cluster_.Leader(group_);
      return leader != than;
    }));
    return leader;
  }
  size_t MetadataLeader() {
    size_t leader = 0;
    EXPECT_TRUE(cluster_.Await([&] {
      for (leader = 0; leader < NodeCluster::kNodes; ++leader) {
        v1::CreateTopicRequest request;
        request.set_name("t");
        request.set_partitions(2);
        // Another one of that name: nothing changes.
        const auto refused = cluster_.driver(leader).CreateTopic(request);
        if (absl::IsAlreadyExists(refused.status())) return true;
      }
      return false;
    }));
    return leader;
  }
  bool IsFull(size_t i, size_t leader) {
    const v1::PartitionStatus status = cluster_.StatusOf(leader, "t", 0);
    for (const v1::ReplicaStatus& replica : status.replicas()) {
      if (replica.node_id() == i + 1) {
        return replica.activity() == v1::REPLICA_ACTIVITY_FULL;
      }
    }
    return false;
  }
  void ExpectAllIn(size_t i) {
    EXPECT_EQ(cluster_.ReadAll(i, group_, expected_.size()), expected_)
        << "node " << i;
  }
  void ExpectAllEverywhere() {
    for (size_t i = 0; i < NodeCluster::kNodes; ++i) ExpectAllIn(i);
  }
  std::string ReadAt(size_t i, uint64_t offset) {
    ReadCommand command;
    command.group = group_;
    command.from = Offset(offset);
    command.until = Offset(offset + 1);
    command.bytes_max = 1;
    const absl::StatusOr<ReadChunk> chunk = cluster_.driver(i).Read(command);
    return chunk.ok() ? ValuesOf(*chunk).at(0) : ReasonOf(chunk.status());
  }
  // Why leadership cannot be handed to node `i`; "" when it was.
  std::string WhyNotTo(size_t i) {
    return std::string(
        cluster_
            .TransferLeadership(cluster_.Leader(group_), group_, NodeId(i + 1))
            .message());
  }

  // Until leadership is not handed to node `i` any more.
  void AwaitUnfit(size_t i) {
    EXPECT_TRUE(cluster_.Await([&] {
      Append();
      return absl::StrContains(WhyNotTo(i), "should not lead");
    }));
  }

  NodeCluster cluster_;
  GroupId group_;
  std::vector<std::string> expected_;
};

// --- RELIABILITY.md S10 ---

TEST_F(NodeTroubleTest, AFollowerWithoutRoomTakesNoEntriesUntilThereIs) {
  const size_t full = (cluster_.Leader(group_) + 1) % NodeCluster::kNodes;
  cluster_.LeaveFree(full, 0);
  ASSERT_TRUE(cluster_.Await([&] {
    Append();
    return IsFull(full, cluster_.Leader(group_));
  }));
  const LogIndex held = cluster_.StoredUpTo(full, group_);
  for (int i = 0; i < 20; ++i) Append();
  EXPECT_EQ(cluster_.StoredUpTo(full, group_), held);
  EXPECT_TRUE(cluster_.up(full));
  cluster_.LeaveFree(full, NodeCluster::kAmpleBytes);
  ExpectAllEverywhere();
}

TEST_F(NodeTroubleTest, ALeaderWithoutRoomLetsAnotherLead) {
  for (const uint64_t free : {NodeCluster::kLowBytes - 1, uint64_t{0}}) {
    const size_t full = cluster_.Leader(group_);
    cluster_.LeaveFree(full, free);
    Append();
    EXPECT_NE(cluster_.Leader(group_), full);
    AwaitUnfit(full);
    // It is read all the same.
    EXPECT_EQ(ReadAt(full, 0), expected_.front());
    cluster_.LeaveFree(full, NodeCluster::kAmpleBytes);
    ExpectAllEverywhere();
    // It may lead again.
    EXPECT_TRUE(cluster_.Await([&] { return WhyNotTo(full).empty(); }));
  }
}

TEST_F(NodeTroubleTest, WhereMostHaveNoRoomAppendsAreRefusedUntilThereIs) {
  const size_t leader = cluster_.Leader(group_);
  const size_t others[] = {(leader + 1) % 3, (leader + 2) % 3};
  for (const size_t i : others) cluster_.LeaveFree(i, 0);
  // What the leader learns it by is taken by nobody now.
  std::optional<Awaited<AppendResult>> open;
  ASSERT_TRUE(cluster_.Await([&] {
    if (!open.has_value() || open->has_answer()) {
      expected_.push_back(absl::StrCat("v", expected_.size()));
      AppendCommand command;
      command.group = group_;
      command.batch = BatchOf({expected_.back()});
      command.producer = Sequence("0123456789abcdef", 0, expected_.size());
      cluster_.node(leader).Append(std::move(command),
                                   open.emplace().callback());
    }
    return IsFull(others[0], leader) && IsFull(others[1], leader);
  }));
  const absl::Status refused =
      cluster_.driver(leader).Append(group_, {"x"}).status();
  EXPECT_EQ(ReasonOf(refused), "DISK_FULL") << refused;
  EXPECT_EQ(FactOf(refused, "outcome"), "definite");
  EXPECT_EQ(ReadAt(leader, 0), expected_.front());
  for (const size_t i : others) {
    cluster_.LeaveFree(i, NodeCluster::kAmpleBytes);
  }
  EXPECT_TRUE(open->Get().ok());
  Append();
  ExpectAllEverywhere();
}

// What makes room is the one change of the metadata that is not refused: it is
// done once most have room for it in their logs.
TEST_F(NodeTroubleTest, WhereMostHaveNoRoomADeletionOfATopicWaitsForIt) {
  cluster_.MakeTopic("old", 1);
  const size_t leader = MetadataLeader();
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
    if (i != leader) cluster_.LeaveFree(i, 0);
  }
  // One by one, until whoever leads the metadata group refuses: the first ones
  // are in its log, and nobody takes them.
  std::vector<Awaited<v1::CreateTopicResponse>> creates;
  absl::Status refused;
  ASSERT_TRUE(cluster_.Await([&] {
    for (Awaited<v1::CreateTopicResponse>& create : creates) {
      if (!create.has_answer()) continue;
      refused = create.Get().status();
      if (ReasonOf(refused) == "DISK_FULL") return true;
    }
    std::erase_if(creates,
                  [](const auto& create) { return create.has_answer(); });
    if (creates.size() > 100) return false;
    v1::CreateTopicRequest request;
    request.set_name(absl::StrCat("new", creates.size()));
    request.set_partitions(1);
    cluster_.node(leader).CreateTopic(request,
                                      creates.emplace_back().callback());
    return false;
  })) << refused;
  v1::DeleteTopicRequest request;
  request.set_name("old");
  Awaited<v1::DeleteTopicResponse> deleted;
  cluster_.node(leader).DeleteTopic(request, deleted.callback());
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
    cluster_.LeaveFree(i, NodeCluster::kAmpleBytes);
  }
  const absl::StatusOr<v1::DeleteTopicResponse> answer = deleted.Get();
  EXPECT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(cluster_.Await(
      [&] { return cluster_.node(leader).FindTopic("old") == nullptr; }));
}

// --- RELIABILITY.md S12 ---

TEST_F(NodeTroubleTest, ALeaderWhoseDiskIsSlowLetsAnotherLead) {
  const size_t slow = cluster_.Leader(group_);
  cluster_.harness(slow).control().DelayCommits(110'000);
  AwaitOtherLeader(slow);
  AwaitUnfit(slow);
  cluster_.harness(slow).control().DelayCommits(0);
  ExpectAllEverywhere();
}

// Thousands sleep, and a busy node's memory is full again and again.
TEST_F(NodeTroubleTest, WritesThatWaitForMemoryWakeNobody) {
  storage::StoreControl& store = cluster_.harness(0).control();
  const auto await_looks = [&](uint64_t looks) {
    const uint64_t until = store.looks() + looks;
    EXPECT_TRUE(cluster_.Await([&] { return store.looks() >= until; }));
  };
  // Every stall would wake it; it may be awake for another reason, at first or
  // since a thread was held up: then the next ones are looked at.
  EXPECT_TRUE(cluster_.Await([&] {
    const uint64_t said = cluster_.MessagesOf(group_);
    for (int i = 0; i < 10; ++i) {
      store.StallWrites(i % 2 == 0);
      await_looks(10);
    }
    return cluster_.MessagesOf(group_) == said;
  }));
  // It is told when it wakes, and does what it has to do.
  Append();
  ExpectAllEverywhere();
}

// More than are told at once, none of which has anything to do.
TEST_F(NodeTroubleTest, GroupsThatSleepAreHandedOverToo) {
  constexpr uint32_t kPartitions = 48;
  cluster_.MakeTopic("many", kPartitions);
  const auto led_by = [&](size_t node) {
    uint32_t led = 0;
    for (uint32_t i = 0; i < kPartitions; ++i) {
      led += cluster_.StatusOf(node, "many", i).leader() == node + 1 ? 1 : 0;
    }
    return led;
  };
  const size_t low = cluster_.Leader(cluster_.GroupOf("many", 0));
  EXPECT_TRUE(cluster_.Await([&] { return led_by(low) >= kPartitions / 4; }));
  cluster_.LeaveFree(low, NodeCluster::kLowBytes - 1);
  EXPECT_TRUE(cluster_.Await([&] { return led_by(low) == 0; }));
}

// --- clocks ---

TEST_F(NodeTroubleTest, AClockThatIsOffGivesLeadershipAway) {
  const size_t off = cluster_.Leader(group_);
  cluster_.SetClock(off, int64_t{3600} * 1'000'000);
  AwaitOtherLeader(off);
  AwaitUnfit(off);
  cluster_.SetClock(off, 0);
  EXPECT_TRUE(cluster_.Await([&] { return WhyNotTo(off).empty(); }));
  EXPECT_EQ(cluster_.Leader(group_), off);
  ExpectAllEverywhere();
}

// --- RELIABILITY.md S7 ---

// Nothing of it is in memory any more.
class NodeDamagedTest : public NodeTroubleTest {
 protected:
  NodeDamagedTest() {
    for (int i = 0; i < 10; ++i) Append();
    // Who lacks some at its end gets them afterwards, and keeps them in memory.
    ExpectAllEverywhere();
    for (size_t i = 0; i < NodeCluster::kNodes; ++i) cluster_.Kill(i);
    for (size_t i = 0; i < NodeCluster::kNodes; ++i) cluster_.Start(i);
  }
  void DamageAt(size_t i, uint64_t offset) {
    storage::MemoryLogStore& store = cluster_.harness(i).store();
    const ReplicaNumber number = cluster_.NumberOf(i, group_);
    store.DamageEntry(number, *store.FindOffset(number, Offset(offset)));
  }
  void AwaitRepaired(size_t i) {
    EXPECT_TRUE(cluster_.Await([&] {
      uint64_t stopped = 0;
      uint64_t repaired = 0;
      for (const ShardStats& shard : cluster_.node(i).Stats().shards) {
        stopped += shard.damaged_partitions;
        repaired += shard.repaired_entries;
      }
      return stopped == 0 && repaired > 0;
    })) << "node "
        << i;
  }
  // Every replica is open: one with a damaged entry may not be any more.
  void AwaitOpen() {
    Append();
    const LogIndex end = cluster_.StoredUpTo(cluster_.Leader(group_), group_);
    for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
      EXPECT_TRUE(cluster_.Await(
          [&] { return cluster_.StoredUpTo(i, group_) >= end; }));
    }
  }
  void ExpectListed(size_t i, int times) {
    const v1::GetHealthResponse health = cluster_.Health(i);
    int listed = 0;
    for (const v1::HealthProblem& problem : health.problems()) {
      if (problem.kind() != v1::HEALTH_PROBLEM_KIND_DAMAGED) continue;
      ++listed;
      EXPECT_EQ(problem.topic(), "t");
      EXPECT_THAT(problem.nodes(), testing::ElementsAre(i + 1));
      EXPECT_THAT(problem.message(),
                  testing::HasSubstr("whole ones are asked of nodes "));
    }
    EXPECT_EQ(listed, times) << health.DebugString();
  }
};

TEST_F(NodeDamagedTest, ADamagedEntryIsRepairedFromTheOthers) {
  // A leader's, then a follower's.
  AwaitOpen();
  for (const size_t behind : {size_t{0}, size_t{1}}) {
    const size_t damaged =
        (cluster_.Leader(group_) + behind) % NodeCluster::kNodes;
    DamageAt(damaged, 5);
    // Who reads it first finds it, and is told so.
    EXPECT_EQ(ReadAt(damaged, 5), "DATA_DAMAGED");
    EXPECT_EQ(ReadAt(damaged, 4), expected_[4]);
    AwaitRepaired(damaged);
    EXPECT_EQ(ReadAt(damaged, 5), expected_[5]);
    Append();
    ExpectAllEverywhere();
    ExpectListed(damaged, 0);
    // It may lead again.
    EXPECT_TRUE(cluster_.Await([&] { return WhyNotTo(damaged).empty(); }));
  }
}

// Each node has another entry damaged, then all of them the same one.
TEST_F(NodeDamagedTest, OneWholeCopyOfEachEntryIsEnough) {
  AwaitOpen();
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) DamageAt(i, 3 + i);
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) ReadAt(i, 3 + i);
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) AwaitRepaired(i);
  Append();
  ExpectAllEverywhere();
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) DamageAt(i, 7);
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
    EXPECT_EQ(ReadAt(i, 7), "DATA_DAMAGED");
  }
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
    EXPECT_EQ(ReadAt(i, 7), "DATA_DAMAGED");
    EXPECT_EQ(ReadAt(i, 6), expected_[6]);
    ExpectListed(i, 1);
  }
}

// After a start the log above the producers' rows is read before anything else.
TEST_F(NodeDamagedTest, WhatTheFoldOfProducersFindsIsRepairedToo) {
  AwaitOpen();
  const size_t damaged = (cluster_.Leader(group_) + 1) % NodeCluster::kNodes;
  storage::MemoryLogStore& store = cluster_.harness(damaged).store();
  const ReplicaNumber number = cluster_.NumberOf(damaged, group_);
  const LogIndex index = *store.FindOffset(number, Offset(5));
  cluster_.Kill(damaged);
  store.DamageEntry(number, index);
  cluster_.Start(damaged);
  AwaitOpen();
  // Nobody has read it.
  AwaitRepaired(damaged);
  EXPECT_TRUE(cluster_.Await([&] { return WhyNotTo(damaged).empty(); }));
  // As leader it knows the producer.
  Append();
  ExpectAllEverywhere();
}

// The leader is asked first; what it sends fits its CRC32C, and nothing else.
TEST_F(NodeDamagedTest, AFalseCopyIsNotTaken) {
  AwaitOpen();
  const size_t leader = cluster_.Leader(group_);
  const size_t damaged = (leader + 1) % NodeCluster::kNodes;
  storage::MemoryLogStore& store = cluster_.harness(leader).store();
  storage::GroupWrite write;
  write.replica = cluster_.NumberOf(leader, group_);
  const LogIndex index = *store.FindOffset(write.replica, Offset(5));
  const storage::StoredEntry entry =
      store.Read(write.replica, index, index, 1, storage::ReadClass::kPoint)
          ->front();
  const CheckedBatch other = BatchOf({"v?"});
  write.repairs.push_back({entry.header, other.payload});
  write.repairs.back().header.payload_crc32c = Crc32c(other.payload);
  ASSERT_EQ(write.repairs.back().header.payload_bytes, other.payload.bytes());
  ASSERT_TRUE(store.Commit({&write, 1}).ok());
  DamageAt(damaged, 5);
  EXPECT_EQ(ReadAt(damaged, 5), "DATA_DAMAGED");
  AwaitRepaired(damaged);
  EXPECT_EQ(ReadAt(damaged, 5), expected_[5]);
}

// A replica whose rows cannot be read is not opened for each message.
TEST_F(NodeDamagedTest, AReplicaThatCannotBeOpenedIsTriedOnceASecond) {
  const size_t leader = cluster_.Leader(group_);
  const size_t damaged = (leader + 1) % NodeCluster::kNodes;
  cluster_.Kill(damaged);
  storage::StoreControl& control = cluster_.harness(damaged).control();
  control.DamageWakesOf(cluster_.NumberOf(damaged, group_));
  cluster_.Start(damaged);
  const uint64_t before = control.damaged_wakes();
  const int64_t begun_us = SystemClock().MonotonicUs();
  // At the leader alone: a client that asks is answered each time.
  uint64_t stored = expected_.size();
  for (int i = 0; i < 300; ++i) {
    stored += cluster_.driver(leader).Append(group_, {"v"}).ok() ? 1 : 0;
  }
  EXPECT_GT(stored, expected_.size());
  const int64_t seconds = (SystemClock().MonotonicUs() - begun_us) / 1'000'000;
  // The node itself tries once, and each second one message does.
  EXPECT_LE(control.damaged_wakes() - before,
            static_cast<uint64_t>(seconds) + 3);
  // It works once they can be read.
  control.DamageWakesOf(ReplicaNumber());
  EXPECT_GE(cluster_.ReadAll(damaged, group_, stored).size(), stored);
}

}  // namespace
}  // namespace kappa::server
