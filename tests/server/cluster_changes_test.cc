#include "server/cluster_changes.h"

#include <memory>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

v1::HealthProblem Problem(uint64_t entries_behind) {
  v1::HealthProblem problem;
  problem.set_kind(v1::HEALTH_PROBLEM_KIND_REPLICA_BEHIND);
  problem.add_nodes(2);
  problem.set_entries_behind(entries_behind);
  return problem;
}

class ClusterChangesTest : public testing::Test {
 protected:
  ClusterChangesTest() {
    auto topic = std::make_shared<TopicSnapshot>();
    topic->topic.set_name("orders");
    before_.self = NodeId(1);
    before_.heard = {{NodeId(1), true}, {NodeId(2), true}};
    before_.leaders[GroupId(0)] = {nullptr, 0, 1, Term(1)};
    before_.leaders[GroupId(7)] = {topic, 3, 2, Term(1)};
    now_ = before_;
  }

  ClusterObservation before_;
  ClusterObservation now_;
};

TEST_F(ClusterChangesTest, AtFirstEverythingIsTold) {
  now_.health.mutable_problems()->Add(Problem(1));
  const auto changes = ChangesSince(nullptr, now_);
  ASSERT_EQ(changes.size(), 5u);
  EXPECT_EQ(changes[0].node().node_id(), 1u);
  EXPECT_TRUE(changes[1].node().heard());
  EXPECT_EQ(changes[2].leader().topic(), "");
  EXPECT_EQ(changes[3].leader().topic(), "orders");
  EXPECT_EQ(changes[3].leader().partition(), 3u);
  EXPECT_EQ(changes[3].leader().leader(), 2u);
  EXPECT_TRUE(changes[4].has_problem());
}

TEST_F(ClusterChangesTest, WhatStaysIsNotTold) {
  EXPECT_TRUE(ChangesSince(&before_, now_).empty());
}

TEST_F(ClusterChangesTest, ANodeThatFallsSilentOrJoins) {
  now_.heard[NodeId(2)] = false;
  now_.heard[NodeId(3)] = true;
  const auto changes = ChangesSince(&before_, now_);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].node().node_id(), 2u);
  EXPECT_FALSE(changes[0].node().heard());
  EXPECT_EQ(changes[1].node().node_id(), 3u);
}

TEST_F(ClusterChangesTest, ALeaderOfALaterTerm) {
  now_.leaders[GroupId(7)].node = 0;
  now_.leaders[GroupId(7)].term = Term(2);
  auto changes = ChangesSince(&before_, now_);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].leader().leader(), 0u);
  EXPECT_EQ(changes[0].leader().term(), 2u);
}

TEST_F(ClusterChangesTest, AProblemIsToldOnceUntilItIsSolved) {
  now_.health.mutable_problems()->Add(Problem(1));
  EXPECT_TRUE(ChangesSince(&before_, now_).at(0).has_problem());
  ClusterObservation later = now_;
  later.health.mutable_problems(0)->set_entries_behind(9);
  EXPECT_TRUE(ChangesSince(&now_, later).empty());
  later.health.clear_problems();
  const auto changes = ChangesSince(&now_, later);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].solved().entries_behind(), 1u);
}

}  // namespace
}  // namespace kappa::server
