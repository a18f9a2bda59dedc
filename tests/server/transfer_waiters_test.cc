#include "server/transfer_waiters.h"

#include <memory>
#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "storage/memory_log_store.h"
#include "tests/server/node_driver.h"
#include "tests/server/replica_cluster.h"

namespace kappa::server {
namespace {

using Answer = std::optional<absl::StatusOr<GroupLeader>>;

class TransferWaitersTest : public testing::Test {
 protected:
  TransferWaitersTest()
      : cluster_(1, [](size_t) {
          return std::make_shared<storage::MemoryLogStore>();
        }) {}

  size_t Elect() {
    EXPECT_TRUE(cluster_.RunUntil([&] { return cluster_.Settled(); }));
    return cluster_.Leader().value_or(0);
  }
  void HandOver(size_t at, std::optional<uint64_t> node, Answer* answer) {
    std::optional<NodeId> target;
    if (node.has_value()) target = NodeId(*node);
    cluster_.With(at, [&](Partition& partition) {
      partition.HandOver(target, [answer](absl::StatusOr<GroupLeader> leader) {
        *answer = std::move(leader);
      });
    });
  }
  // The node that leads then, or why not.
  std::string Await(Answer* answer) {
    cluster_.RunUntil([&] { return answer->has_value(); }, 200);
    if (!answer->has_value()) return "nothing";
    if (!(*answer)->ok()) return ReasonOf((*answer)->status());
    return std::to_string((**answer)->node.value());
  }

  ReplicaCluster cluster_;
};

TEST_F(TransferWaitersTest, AnswersWhenTheNamedNodeLeads) {
  const size_t leader = Elect();
  const uint64_t next = (leader + 1) % ReplicaCluster::kNodes + 1;
  Answer answer;
  HandOver(leader, next, &answer);
  EXPECT_EQ(Await(&answer), std::to_string(next));
  Elect();
  EXPECT_TRUE(cluster_.partition(next - 1).log().leads());
}

TEST_F(TransferWaitersTest, WithoutANameTheBestOneLeads) {
  const size_t leader = Elect();
  Answer answer;
  HandOver(leader, std::nullopt, &answer);
  EXPECT_NE(Await(&answer), std::to_string(leader + 1));
  ASSERT_TRUE(answer->ok());
}

TEST_F(TransferWaitersTest, WhoLeadsAlreadyIsAnAnswerAnywhere) {
  const size_t leader = Elect();
  for (size_t node = 0; node < ReplicaCluster::kNodes; ++node) {
    Answer answer;
    HandOver(node, leader + 1, &answer);
    EXPECT_EQ(Await(&answer), std::to_string(leader + 1));
  }
}

TEST_F(TransferWaitersTest, OthersSayWhoLeads) {
  const size_t leader = Elect();
  const size_t follower = (leader + 1) % ReplicaCluster::kNodes;
  Answer answer;
  HandOver(follower, follower + 1, &answer);
  EXPECT_EQ(Await(&answer), "NOT_LEADER");
  EXPECT_EQ(FactOf(answer->status(), "leader_node"),
            std::to_string(leader + 1));
}

TEST_F(TransferWaitersTest, ANodeWithoutAReplicaIsRefused) {
  const size_t leader = Elect();
  Answer answer;
  HandOver(leader, 9, &answer);
  EXPECT_EQ(Await(&answer), "TRANSFER_REFUSED");
}

TEST_F(TransferWaitersTest, ANodeThatDoesNotTakeOverIsSaidSo) {
  const size_t leader = Elect();
  const size_t next = (leader + 1) % ReplicaCluster::kNodes;
  cluster_.Cut(next);
  Answer answer;
  HandOver(leader, next + 1, &answer);
  EXPECT_EQ(Await(&answer), "TRANSFER_REFUSED");
  EXPECT_TRUE(cluster_.partition(leader).log().leads());
}

TEST_F(TransferWaitersTest, WhoWaitsIsToldOfTheEnd) {
  const size_t leader = Elect();
  const size_t next = (leader + 1) % ReplicaCluster::kNodes;
  cluster_.Cut(next);
  Answer answer;
  HandOver(leader, next + 1, &answer);
  ASSERT_FALSE(answer.has_value());
  cluster_.partition(leader).Abandon(absl::UnavailableError("ends"));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status().message(), "ends");
}

}  // namespace
}  // namespace kappa::server
