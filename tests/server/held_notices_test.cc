// Partitions whose leader holds back what tells only a commit
// (server/commit_notices.h): when others learn of it.
#include <memory>
#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "storage/memory_log_store.h"
#include "tests/server/node_driver.h"
#include "tests/server/replica_cluster.h"

namespace kappa::server {
namespace {

// Passes enough for whatever needs no tick.
constexpr int kPassesMax = 50;

class HeldNoticesTest : public testing::Test {
 protected:
  HeldNoticesTest()
      : cluster_(
            1,
            [](size_t) { return std::make_shared<storage::MemoryLogStore>(); },
            Settings()) {}

  // A heartbeat, which tells the commit too, is far away.
  static raft::CoreSettings Settings() {
    raft::CoreSettings settings = ReplicaCluster::Settings();
    settings.heartbeat_ticks = 50;
    settings.election_ticks = 200;
    return settings;
  }

  size_t Elect() {
    EXPECT_TRUE(cluster_.RunUntil([&] { return cluster_.Settled(); }));
    return cluster_.Leader().value_or(0);
  }
  // One batch, and all that comes of it while no time passes.
  std::string AppendAt(size_t node, const std::string& value) {
    AppendCommand command;
    command.batch = BatchOf({value});
    std::optional<absl::StatusOr<AppendResult>> answer;
    cluster_.Append(node, std::move(command),
                    [&answer](absl::StatusOr<AppendResult> result) {
                      answer = std::move(result);
                    });
    for (int i = 0; i < kPassesMax; ++i) cluster_.RunPasses();
    return answer.has_value() ? ReasonOf(answer->status()) : "nothing";
  }
  // Whether the node has stored the whole log of `leader`, which knows all of
  // it as committed, and does not know that itself.
  bool LacksNotice(size_t node, size_t leader) {
    const GroupLog& led = cluster_.partition(leader).log();
    const GroupLog& log = cluster_.partition(node).log();
    return led.committed_tail().last == led.tail().last &&
           log.tail().last == led.tail().last &&
           log.committed_tail().last != led.tail().last;
  }

  ReplicaCluster cluster_;
};

TEST_F(HeldNoticesTest, TheNextTickReleasesThem) {
  const size_t leader = Elect();
  // More than one, in case a heartbeat does it.
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(AppendAt(leader, "a"), "OK");
    for (size_t node = 0; node < ReplicaCluster::kNodes; ++node) {
      EXPECT_EQ(LacksNotice(node, leader), node != leader);
    }
    cluster_.RunRound();
    EXPECT_TRUE(cluster_.Settled());
  }
}

TEST_F(HeldNoticesTest, WhoHandsOverMeanwhileLeavesThemToTheNext) {
  const size_t leader = Elect();
  const size_t next = (leader + 1) % ReplicaCluster::kNodes;
  ASSERT_EQ(AppendAt(leader, "a"), "OK");
  ASSERT_TRUE(LacksNotice(next, leader));
  cluster_.With(leader, [&](Partition& partition) {
    EXPECT_TRUE(partition.TransferLeadership(cluster_.id(next)).ok());
  });
  for (int i = 0; i < kPassesMax; ++i) cluster_.RunPasses();
  EXPECT_FALSE(cluster_.partition(leader).log().leads());
  ASSERT_EQ(cluster_.Leader(), next);
  EXPECT_EQ(AppendAt(next, "b"), "OK");
  EXPECT_EQ(Elect(), next);
  EXPECT_EQ(cluster_.counts.refused_untampered, 0u);
}

TEST_F(HeldNoticesTest, WhoStepsDownMeanwhileLeavesThemToTheNext) {
  const size_t leader = Elect();
  const size_t other = (leader + 1) % ReplicaCluster::kNodes;
  ASSERT_EQ(AppendAt(leader, "a"), "OK");
  ASSERT_TRUE(LacksNotice(other, leader));
  raft::Message message;
  message.type = raft::MessageType::kAppendResponse;
  message.group = cluster_.partition(leader).group();
  message.from = cluster_.id(other);
  message.to = cluster_.id(leader);
  message.term = cluster_.partition(leader).log().term().Next();
  cluster_.With(leader, [&](Partition& partition) {
    EXPECT_TRUE(partition.Step(message, {}).ok());
    EXPECT_FALSE(partition.leads());
  });
  for (int i = 0; i < kPassesMax; ++i) cluster_.RunPasses();
  EXPECT_TRUE(cluster_.RunUntil([&] { return cluster_.Leader().has_value(); }));
  EXPECT_EQ(AppendAt(*cluster_.Leader(), "b"), "OK");
  Elect();
  EXPECT_EQ(cluster_.counts.refused_untampered, 0u);
}

}  // namespace
}  // namespace kappa::server
