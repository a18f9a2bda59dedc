// Who belongs to a group, while it changes.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "raft/core.h"
#include "tests/raft/cluster.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

using Step = ConfigurationChange::Step;

ConfigurationChange To(const std::vector<uint64_t>& voters,
                       const std::vector<uint64_t>& learners = {},
                       const std::vector<uint64_t>& promoting = {},
                       Step step = Step::kAuto) {
  return {step, Voters(voters).voters, Voters(learners).voters,
          Voters(promoting).voters};
}

// Replicas 1 to 3 vote, 4 and 5 do not belong to it; replica 2 leads.
class MembershipTest : public testing::Test {
 protected:
  void SetUp() override {
    ClusterOptions options;
    options.voters = 3;
    options.outsiders = 2;
    cluster_.emplace(options);
    cluster_->Run(3);
    ASSERT_EQ(cluster_->Leader(), 1u);
  }
  void TearDown() override { EXPECT_EQ(cluster_->checker().breach(), ""); }
  Core& core(uint64_t id) { return cluster_->core(id - 1); }
  absl::Status Propose(uint64_t id, const ConfigurationChange& change) {
    absl::Status status = core(id).ProposeConfiguration(change).status();
    core(id).CheckInvariants();
    return status;
  }

  std::optional<Cluster> cluster_;
};

TEST_F(MembershipTest, ALearnerGetsTheLogAndNoVote) {
  ASSERT_TRUE(Propose(2, To({1, 2, 3}, {4})).ok());
  EXPECT_EQ(core(2).configuration().learners, Voters({4}).voters);
  cluster_->Run(5);
  EXPECT_EQ(core(4).role(), Role::kLearner);
  EXPECT_EQ(core(4).last(), core(2).last());
  EXPECT_EQ(core(4).committed(), core(2).committed());
  // It does not make up for a voter.
  cluster_->Isolate(0, true);
  cluster_->Isolate(2, true);
  const LogIndex before = core(2).committed();
  ASSERT_TRUE(cluster_->Propose(1, 10).ok());
  cluster_->Run(3);
  EXPECT_EQ(core(2).committed(), before);
  for (int i = 0; i < 60; ++i) core(4).Tick();
  EXPECT_EQ(core(4).role(), Role::kLearner);
}

TEST_F(MembershipTest, PromotingLearnersBecomeVotersOneAtATime) {
  ASSERT_TRUE(Propose(2, To({1, 2, 3}, {4, 5}, {4, 5})).ok());
  cluster_->Run(20);
  EXPECT_EQ(core(2).configuration(), Voters({1, 2, 3, 4, 5}));
  EXPECT_EQ(core(5).configuration(), Voters({1, 2, 3, 4, 5}));
  EXPECT_EQ(core(5).role(), Role::kFollower);
}

TEST_F(MembershipTest, ALearnerThatIsNotThereIsNotPromoted) {
  cluster_->Isolate(3, true);
  ASSERT_TRUE(Propose(2, To({1, 2, 3}, {4}, {4})).ok());
  cluster_->Run(40);
  EXPECT_EQ(core(2).configuration().voters, Voters({1, 2, 3}).voters);
  cluster_->Isolate(3, false);
  cluster_->Run(40);
  EXPECT_EQ(core(2).configuration(), Voters({1, 2, 3, 4}));
}

TEST_F(MembershipTest, AJointConfigurationIsLeftByItself) {
  ASSERT_TRUE(Propose(2, To({2, 4, 5}, {1})).ok());
  EXPECT_TRUE(core(2).configuration().joint());
  cluster_->Run(20);
  Configuration expected = Voters({2, 4, 5});
  expected.learners = Voters({1}).voters;
  EXPECT_EQ(core(2).configuration(), expected);
  EXPECT_EQ(core(1).role(), Role::kLearner);
  EXPECT_EQ(core(4).role(), Role::kFollower);
}

TEST_F(MembershipTest, AJointConfigurationNeedsBothMajorities) {
  cluster_->Isolate(3, true);
  cluster_->Isolate(4, true);
  ASSERT_TRUE(Propose(2, To({2, 4, 5})).ok());
  cluster_->Run(5);
  EXPECT_TRUE(core(2).configuration().joint());
  EXPECT_LT(core(2).committed(), core(2).last().index);
  cluster_->Isolate(3, false);
  cluster_->Run(20);
  EXPECT_EQ(core(2).configuration(), Voters({2, 4, 5}));
}

TEST_F(MembershipTest, AnAskedForJointConfigurationStaysUntilItIsLeft) {
  ASSERT_TRUE(Propose(2, To({2, 4, 5}, {}, {}, Step::kEnterJoint)).ok());
  cluster_->Run(10);
  EXPECT_TRUE(core(2).configuration().joint());
  ASSERT_TRUE(Propose(2, To({}, {}, {}, Step::kLeaveJoint)).ok());
  cluster_->Run(5);
  EXPECT_EQ(core(2).configuration(), Voters({2, 4, 5}));
}

TEST_F(MembershipTest, ANewLeaderLeavesTheJointConfigurationItInherits) {
  ASSERT_TRUE(Propose(2, To({1, 2, 3}, {4, 5})).ok());
  cluster_->Run(5);
  cluster_->Cut(3, 1, true);
  cluster_->Cut(4, 1, true);
  ASSERT_TRUE(Propose(2, To({1, 4, 5})).ok());
  cluster_->Run(1);
  EXPECT_TRUE(core(1).configuration().joint());
  EXPECT_TRUE(core(4).configuration().joint());
  cluster_->Crash(1, 0);
  cluster_->Run(60);
  ASSERT_TRUE(cluster_->Leader().has_value());
  EXPECT_EQ(cluster_->core(*cluster_->Leader()).configuration(),
            Voters({1, 4, 5}));
}

// RAFT.md 8.
TEST_F(MembershipTest, ALeaderFirstCommitsAnEntryOfItsTerm) {
  Core core(OptionsOf(1), Restored(Voters({1, 2}), {1}));
  core.Campaign();
  Message grant = MessageOf(MessageType::kPreVoteResponse, 2, 1, 1);
  grant.granted = true;
  core.Step(grant);
  core.OnPersisted(core.TakeOutput().persists.at(0).token);
  core.Step(VoteResponse(2, 1, 2, true));
  ASSERT_EQ(core.role(), Role::kLeader);
  const absl::Status status = core.ProposeConfiguration(To({1, 2, 3})).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_EQ(status.message(),
            "propose configuration: no entry of term 2 is committed yet");
  core.OnPersisted(core.TakeOutput().persists.at(0).token);
  core.Step(AppendAccepted(2, 1, 2, 2));
  EXPECT_TRUE(core.ProposeConfiguration(To({1, 2, 3})).ok());
  core.CheckInvariants();
}

TEST_F(MembershipTest, OneChangeIsUnderWay) {
  ASSERT_TRUE(Propose(2, To({1, 2, 3}, {4})).ok());
  const absl::Status status = Propose(2, To({1, 2, 3}, {5}));
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_EQ(status.message(),
            "propose configuration: the one at index 2 is not committed yet");
  cluster_->Run(2);
  EXPECT_TRUE(Propose(2, To({1, 2, 3}, {5})).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(Propose(2, To({}))) ||
              absl::IsFailedPrecondition(Propose(2, To({}))));
  EXPECT_TRUE(absl::IsUnavailable(Propose(1, To({1}))));
}

// RAFT.md 7: effective when appended, and gone with a truncation.
TEST_F(MembershipTest, ATruncatedConfigurationIsNotInEffect) {
  cluster_->Isolate(1, true);
  ASSERT_TRUE(Propose(2, To({1, 2, 3}, {4})).ok());
  cluster_->Run(30);
  EXPECT_EQ(core(2).configuration().learners.size(), 1u);
  cluster_->Isolate(1, false);
  cluster_->Run(30);
  EXPECT_EQ(core(2).configuration(), Voters({1, 2, 3}));
  EXPECT_EQ(core(2).last(), core(1).last());
}

TEST_F(MembershipTest, ALeaderThatIsRemovedHandsOver) {
  ASSERT_TRUE(cluster_->Propose(1, 10).ok());
  ASSERT_TRUE(Propose(2, To({1, 3})).ok());
  EXPECT_EQ(core(2).role(), Role::kLeader);  // until that is committed
  cluster_->Run(2);
  ASSERT_TRUE(cluster_->Leader().has_value());
  EXPECT_NE(*cluster_->Leader(), 1u);
  EXPECT_EQ(core(2).role(), Role::kLearner);
  EXPECT_EQ(core(1).configuration(), Voters({1, 3}));
  // It does not come back, and disturbs nobody.
  const Term term = core(1).term();
  cluster_->Run(60);
  EXPECT_EQ(core(1).term(), term);
  EXPECT_EQ(core(2).role(), Role::kLearner);
}

// A leader that is not a member does not count its own disk.
TEST_F(MembershipTest, ARemovedLeaderCommitsByTheOthersOnly) {
  ASSERT_TRUE(Propose(2, To({1, 3})).ok());
  cluster_->Isolate(0, true);
  cluster_->Run(5);
  EXPECT_LT(core(2).committed(), core(2).last().index);
  cluster_->Isolate(0, false);
  cluster_->Run(5);
  EXPECT_EQ(core(1).configuration(), Voters({1, 3}));
}

// RELIABILITY.md S5, RAFT.md 25.
TEST_F(MembershipTest, AFormerIncarnationIsNobody) {
  CoreOptions options = OptionsOf(3);
  options.self.incarnation = Incarnation(2);
  Core fresh(options, Restored(Voters({1, 2}), {}));
  EXPECT_EQ(fresh.role(), Role::kLearner);
  fresh.Step(AppendRequest(2, 3, 1, At(0, 0), {1}));  // to (3, 1)
  fresh.Step(VoteRequest(2, 3, 1, At(1, 1)));
  EXPECT_FALSE(fresh.HasOutput());
  EXPECT_EQ(fresh.last(), At(0, 0));
}

TEST_F(MembershipTest, AReplicaRecoversAloneByAnExplicitActOnly) {
  EXPECT_TRUE(absl::IsFailedPrecondition(core(1).RecoverAlone()));
  ASSERT_TRUE(cluster_->Propose(1, 10).ok());
  cluster_->Run(2);
  Core alone(OptionsOf(1), Restored(Voters({1, 2, 3}), {1, 1, 2}));
  ASSERT_TRUE(alone.RecoverAlone().ok());
  alone.CheckInvariants();
  EXPECT_EQ(alone.role(), Role::kLeader);
  EXPECT_EQ(alone.term(), Term(uint64_t{1} << 32));
  EXPECT_EQ(alone.configuration(), Voters({1}));
  const Output output = alone.TakeOutput();
  EXPECT_TRUE(output.messages.empty());
  ASSERT_EQ(output.persists.size(), 1u);
  EXPECT_EQ(alone.committed(), LogIndex(0));
  alone.OnPersisted(output.persists[0].token);
  alone.CheckInvariants();
  EXPECT_EQ(alone.committed(), alone.last().index);
}

}  // namespace
}  // namespace kappa::raft
