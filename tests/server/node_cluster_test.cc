// Three nodes: replication, failover, handing over, and what they refuse.
#include "tests/server/node_cluster.h"

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/awaited.h"

namespace kappa::server {
namespace {

using testing::ElementsAre;

v1::ProducerSequence Session(uint64_t sequence) {
  return Sequence("0123456789abcdef", 0, sequence);
}

TEST(NodeClusterTest, WhatIsAppendedAtTheLeaderIsReadEverywhere) {
  NodeCluster cluster;
  cluster.MakeTopic("t", 1);
  const GroupId group = cluster.GroupOf("t", 0);
  for (uint64_t i = 1; i <= 20; ++i) {
    cluster.Append(group, absl::StrCat("v", i), Session(i));
  }
  std::vector<std::string> expected;
  for (int i = 1; i <= 20; ++i) expected.push_back(absl::StrCat("v", i));
  const auto chain = cluster.driver(0).GetEnd(group)->chain;
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
    EXPECT_EQ(cluster.ReadAll(i, group, 20), expected) << "node " << i;
    EXPECT_EQ(cluster.driver(i).GetEnd(group)->chain, chain);
  }
}

TEST(NodeClusterTest, WhoDoesNotLeadNamesTheLeader) {
  NodeCluster cluster;
  cluster.MakeTopic("t", 1);
  const GroupId group = cluster.GroupOf("t", 0);
  const size_t leader = cluster.Leader(group);
  const size_t other = (leader + 1) % NodeCluster::kNodes;
  absl::Status refused;
  ASSERT_TRUE(cluster.Await([&] {
    refused = cluster.driver(other).Append(group, {"x"}).status();
    return !FactOf(refused, "leader_node").empty();
  })) << refused;
  EXPECT_EQ(ReasonOf(refused), "NOT_LEADER");
  EXPECT_EQ(FactOf(refused, "leader_node"), absl::StrCat(leader + 1));
  EXPECT_EQ(FactOf(refused, "leader"),
            absl::StrCat("client", leader + 1, ":1"));
  EXPECT_EQ(FactOf(refused, "outcome"), "definite");
}

TEST(NodeClusterTest, LeadersAreSpread) {
  NodeCluster cluster;
  cluster.MakeTopic("t", 9);
  ASSERT_TRUE(cluster.Await([&] {
    std::map<size_t, int> led;
    for (uint32_t i = 0; i < 9; ++i) {
      ++led[cluster.Leader(cluster.GroupOf("t", i))];
    }
    return led[0] == 3 && led[1] == 3 && led[2] == 3;
  }));
}

// Whether every partition of the topic is led by who shall lead it, who was the
// first to.
bool LedFirstAsWanted(NodeCluster* cluster, const std::string& topic,
                      uint32_t partitions) {
  bool all = true;
  for (uint32_t i = 0; i < partitions; ++i) {
    const size_t leader = cluster->Leader(cluster->GroupOf(topic, i));
    const v1::PartitionStatus status = cluster->StatusOf(leader, topic, i);
    all = all && status.leader() == leader + 1 && status.term() == 1 &&
          status.preferred_leader() == leader + 1;
  }
  return all;
}

// Whatever the groups' numbers are: each topic uses up one more of them than
// there are nodes. The core by itself would have a node stand by that number.
TEST(NodeClusterTest, NewPartitionsAreLedWhereTheyShallBe) {
  constexpr uint32_t kPartitions = 4;
  // A node that is held up may lose one to another node.
  constexpr int kTopicsMax = 60;
  NodeCluster cluster;
  std::set<uint64_t> shifts;
  for (int i = 0; i < kTopicsMax && shifts.size() < 3; ++i) {
    const std::string topic = absl::StrCat("t", i);
    cluster.MakeTopic(topic, kPartitions);
    const uint64_t group = cluster.GroupOf(topic, 0).value();
    const ReplicaId preferred =
        cluster.node(0).FindTopic(topic)->VotersOf(0).front();
    if (LedFirstAsWanted(&cluster, topic, kPartitions)) {
      shifts.insert((group + 3 - preferred.node.value()) % 3);
    }
    ASSERT_TRUE(cluster.Await([&] {
      for (size_t node = 0; node < NodeCluster::kNodes; ++node) {
        if (cluster.driver(node).DeleteTopic(topic).ok()) return true;
      }
      return false;
    }));
  }
  EXPECT_EQ(shifts.size(), 3u);
}

TEST(NodeClusterTest, NewPartitionsOfADeadNodeAreLedByOthers) {
  constexpr uint32_t kPartitions = 9;
  constexpr size_t kDead = 2;
  NodeCluster cluster;
  cluster.MakeTopic("before", 1);
  cluster.Kill(kDead);
  cluster.MakeTopic("t", kPartitions);
  uint32_t of_the_dead = 0;
  for (uint32_t i = 0; i < kPartitions; ++i) {
    const GroupId group = cluster.GroupOf("t", i);
    cluster.Append(group, "v", Session(1));
    EXPECT_NE(cluster.Leader(group), kDead);
    const ReplicaId preferred =
        cluster.node(0).FindTopic("t")->VotersOf(i).front();
    of_the_dead += preferred.node == NodeId(kDead + 1) ? 1 : 0;
  }
  EXPECT_EQ(of_the_dead, kPartitions / 3);
  cluster.Start(kDead);
  for (uint32_t i = 0; i < kPartitions; ++i) {
    EXPECT_THAT(cluster.ReadAll(kDead, cluster.GroupOf("t", i), 1),
                ElementsAre("v"));
  }
}

TEST(NodeClusterTest, ALeaderThatDiesIsReplaced) {
  NodeCluster cluster;
  cluster.MakeTopic("t", 1);
  const GroupId group = cluster.GroupOf("t", 0);
  std::vector<std::string> expected;
  uint64_t sequence = 0;
  const auto append = [&] {
    ++sequence;
    expected.push_back(absl::StrCat("v", sequence));
    cluster.Append(group, expected.back(), Session(sequence));
  };
  for (int round = 0; round < 3; ++round) {
    append();
    const size_t leader = cluster.Leader(group);
    cluster.Kill(leader);
    append();
    cluster.Start(leader);
    append();
  }
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
    EXPECT_EQ(cluster.ReadAll(i, group, expected.size()), expected);
  }
}

TEST(NodeClusterTest, ALeaderThatIsCutOffAnswersNothing) {
  NodeCluster cluster;
  cluster.MakeTopic("t", 1);
  const GroupId group = cluster.GroupOf("t", 0);
  cluster.Append(group, "before", Session(1));
  const size_t old = cluster.Leader(group);
  cluster.Cut(old);
  // It takes the batch, or not, and must not say that it is stored; nor may it
  // tell an end.
  const absl::Status cut_off =
      cluster.driver(old).Append(group, {"lost"}).status();
  EXPECT_EQ(cut_off.code(), absl::StatusCode::kUnavailable) << cut_off;
  EXPECT_FALSE(cluster.driver(old).GetEnd(group).ok());
  const size_t others[] = {(old + 1) % 3, (old + 2) % 3};
  ASSERT_TRUE(cluster.Await([&] {
    for (const size_t i : others) {
      if (cluster.driver(i).Append(group, {"after"}, Session(2)).ok()) {
        return true;
      }
    }
    return false;
  }));
  cluster.Mend(old);
  EXPECT_THAT(cluster.ReadAll(old, group, 2), ElementsAre("before", "after"));
}

TEST(NodeClusterTest, WithoutAMajorityNothingIsPromised) {
  NodeCluster cluster;
  cluster.MakeTopic("t", 1);
  const GroupId group = cluster.GroupOf("t", 0);
  cluster.Append(group, "v1", Session(1));
  cluster.Kill(0);
  cluster.Kill(1);
  absl::Status end;
  ASSERT_TRUE(cluster.Await([&] {
    end = cluster.driver(2).GetEnd(group).status();
    return ReasonOf(end) == "NOT_LEADER";
  })) << end;
  EXPECT_FALSE(cluster.driver(2).Append(group, {"v2"}).ok());
  cluster.Start(0);
  cluster.Append(group, "v2", Session(2));
  EXPECT_THAT(cluster.ReadAll(0, group, 2), ElementsAre("v1", "v2"));
  EXPECT_THAT(cluster.ReadAll(2, group, 2), ElementsAre("v1", "v2"));
}

TEST(NodeClusterTest, AllNodesAtOnceKeepEverything) {
  NodeCluster cluster;
  cluster.MakeTopic("t", 3);
  for (uint32_t partition = 0; partition < 3; ++partition) {
    cluster.Append(cluster.GroupOf("t", partition), "v1", Session(1));
  }
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) cluster.Kill(i);
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) cluster.Start(i);
  for (uint32_t partition = 0; partition < 3; ++partition) {
    const GroupId group = cluster.GroupOf("t", partition);
    const AppendResult again = cluster.Append(group, "v1", Session(1));
    EXPECT_TRUE(again.duplicate);
    EXPECT_EQ(again.base_offset, Offset(0));
    cluster.Append(group, "v2", Session(2));
    for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
      EXPECT_THAT(cluster.ReadAll(i, group, 2), ElementsAre("v1", "v2"));
    }
  }
}

TEST(NodeClusterTest, WhoEndsHandsOver) {
  NodeCluster cluster;
  cluster.MakeTopic("t", 6);
  for (uint32_t partition = 0; partition < 6; ++partition) {
    cluster.Append(cluster.GroupOf("t", partition), "v1", Session(1));
  }
  cluster.Stop(0);
  // Others lead at once: none of these waits for a silence.
  for (uint32_t partition = 0; partition < 6; ++partition) {
    EXPECT_NE(cluster.Leader(cluster.GroupOf("t", partition)), 0u);
  }
  cluster.Start(0);
  for (uint32_t partition = 0; partition < 6; ++partition) {
    const GroupId group = cluster.GroupOf("t", partition);
    cluster.Append(group, "v2", Session(2));
    EXPECT_THAT(cluster.ReadAll(0, group, 2), ElementsAre("v1", "v2"));
  }
}

// The replicas of a new topic are on the disk, and the node ends before the
// command's rows are: the command is applied again, and makes none twice.
TEST(NodeClusterTest, ACommandAppliedAgainMakesNoReplicaTwice) {
  NodeCluster cluster;
  cluster.MakeTopic("before", 1);
  cluster.Kill(2);
  storage::StoreControl& control = cluster.harness(2).control();
  auto created = std::make_shared<std::atomic<bool>>(false);
  control.before_replicas = [created](bool creates) {
    if (creates) created->store(true);
    return absl::OkStatus();
  };
  control.before_commit = [created](const auto&) {
    return created->load() ? absl::UnavailableError("the power is cut")
                           : absl::OkStatus();
  };
  cluster.Start(2);
  cluster.MakeTopic("t", 1);
  ASSERT_TRUE(created->load());
  cluster.Kill(2);
  control.before_replicas = nullptr;
  control.before_commit = nullptr;
  cluster.Start(2);
  ASSERT_TRUE(
      cluster.Await([&] { return cluster.node(2).FindTopic("t") != nullptr; }));
  const GroupId group = cluster.GroupOf("t", 0);
  cluster.Append(group, "v1", Session(1));
  EXPECT_THAT(cluster.ReadAll(2, group, 1), ElementsAre("v1"));
  int replicas = 0;
  for (const auto& replica : cluster.harness(2).store().Replicas()) {
    replicas += replica.spec.group == group ? 1 : 0;
  }
  EXPECT_EQ(replicas, 1);
}

// Two clocks of three agree, so the third, the leader's, is wrong: entries get
// a time within a second of theirs. It leads on: it is off by a few seconds.
TEST(NodeClusterTest, AClockAloneIsHeldNearTheMedian) {
  NodeCluster cluster;
  cluster.MakeTopic("t", 1);
  const GroupId group = cluster.GroupOf("t", 0);
  cluster.Append(group, "v1", Session(1));
  const size_t leader = cluster.Leader(group);
  cluster.SetClock(leader, 6'000'000);
  const SystemClock true_clock;
  for (uint64_t i = 2; i <= 50; ++i) {
    const AppendResult held = cluster.Append(group, "v", Session(i));
    EXPECT_LT(held.append_time_us, true_clock.NowUs() + 1'500'000);
  }
  EXPECT_EQ(cluster.Leader(group), leader);
}

// The clock of a node that has died goes on: the median does not fall to that
// of one that is behind.
TEST(NodeClusterTest, TheMedianOutlivesANode) {
  NodeCluster cluster;
  cluster.MakeTopic("t", 1);
  const GroupId group = cluster.GroupOf("t", 0);
  cluster.Append(group, "v1", Session(1));
  const size_t leader = cluster.Leader(group);
  cluster.SetClock(leader, -8'000'000);
  const size_t dies = (leader + 1) % NodeCluster::kNodes;
  cluster.Kill(dies);
  const SystemClock true_clock;
  const int64_t died_us = true_clock.NowUs();
  ASSERT_TRUE(cluster.Await([&] {
    return !cluster.Health(leader).healthy() &&
           true_clock.NowUs() > died_us + 2'000'000;
  }));
  const AppendResult after = cluster.Append(group, "v2", Session(2));
  EXPECT_EQ(cluster.Leader(group), leader);
  EXPECT_GT(after.append_time_us, died_us + 500'000);
}

// Leadership goes back to the node that shall have it, while somebody appends.
TEST(NodeClusterTest, ANodeThatReturnsGetsItsLeadershipBack) {
  NodeCluster cluster;
  cluster.MakeTopic("t", 1);
  const GroupId group = cluster.GroupOf("t", 0);
  const size_t preferred =
      cluster.node(0).FindTopic("t")->VotersOf(0).front().node.value() - 1;
  ASSERT_TRUE(
      cluster.Await([&] { return cluster.Leader(group) == preferred; }));
  std::vector<std::string> expected;
  const auto append = [&] {
    expected.push_back(absl::StrCat("v", expected.size()));
    const AppendResult result =
        cluster.Append(group, expected.back(), Session(expected.size()));
    EXPECT_EQ(result.base_offset, Offset(expected.size() - 1));
  };
  append();
  cluster.Kill(preferred);
  append();
  EXPECT_NE(cluster.Leader(group), preferred);
  cluster.Start(preferred);
  ASSERT_TRUE(cluster.Await([&] {
    append();
    return cluster.Leader(group) == preferred;
  }));
  append();
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
    EXPECT_EQ(cluster.ReadAll(i, group, expected.size()), expected);
  }
}

// What a replay that stops at a time asks for, of any replica.
TEST(NodeClusterTest, EveryReplicaFindsATime) {
  NodeCluster cluster;
  cluster.MakeTopic("t", 1);
  const GroupId group = cluster.GroupOf("t", 0);
  std::vector<int64_t> times_us;
  const SystemClock clock;
  for (uint64_t i = 1; i <= 20; ++i) {
    const AppendResult result = cluster.Append(group, "v", Session(i));
    times_us.push_back(result.append_time_us);
    ASSERT_TRUE(
        cluster.Await([&] { return clock.NowUs() > times_us.back() + 1'000; }));
  }
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) {
    cluster.ReadAll(i, group, 20);
    for (const uint64_t offset : {0, 7, 19}) {
      EXPECT_EQ(cluster.driver(i).FindTime(group, times_us[offset]).value(),
                Offset(offset));
      EXPECT_EQ(cluster.driver(i).FindTime(group, times_us[offset] + 1).value(),
                Offset(offset + 1));
    }
  }
}

// A node that ends says so: nobody hands leadership to it meanwhile.
TEST(NodeClusterTest, NobodyHandsOverToANodeThatEnds) {
  NodeCluster cluster;
  cluster.MakeTopic("t", 1);
  const GroupId group = cluster.GroupOf("t", 0);
  cluster.Append(group, "v1", Session(1));
  const size_t ends = (cluster.Leader(group) + 1) % NodeCluster::kNodes;
  // It waits for what it reads, up to three seconds; its writes go on.
  cluster.harness(ends).control().HoldSideReads();
  v1::GetProducerRequest request;
  request.set_name("p");
  request.set_topic("t");
  Awaited<v1::GetProducerResponse> read;
  cluster.node(ends).GetProducer(std::move(request), read.callback());
  std::thread shutdown([&] { cluster.node(ends).Shutdown(); });
  EXPECT_TRUE(cluster.Await([&] {
    const size_t leader = cluster.Leader(group);
    if (leader == ends) return false;
    const absl::Status refused =
        cluster.TransferLeadership(leader, group, NodeId(ends + 1));
    return absl::StrContains(refused.message(), "should not lead");
  }));
  cluster.harness(ends).control().ReleaseSideReads();
  shutdown.join();
  (void)read.Get();
  cluster.Append(group, "v2", Session(2));
}

// A node that never said that it is of this cluster, or says so with another
// disk, is not heard.
TEST(NodeClusterTest, AnotherDiskIsRefused) {
  NodeCluster cluster;
  cluster.MakeTopic("t", 1);
  cluster.Stop(2);
  cluster.harness(2).identity.disk_id[0] ^= 1;
  cluster.Start(2);
  const GroupId group = cluster.GroupOf("t", 0);
  cluster.Append(group, "v1", Session(1));
  EXPECT_FALSE(cluster.driver(2).GetEnd(group).ok());
}

}  // namespace
}  // namespace kappa::server
