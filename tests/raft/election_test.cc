// Who becomes leader and for how long, over whole groups.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "raft/core.h"
#include "tests/raft/cluster.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

constexpr size_t kElection = 10;

ClusterOptions Three(bool pre_vote = true, bool check_quorum = true) {
  ClusterOptions options;
  options.voters = 3;
  options.core.election_ticks = kElection;
  options.core.pre_vote = pre_vote;
  options.core.check_quorum = check_quorum;
  return options;
}

// Group 7: the voter of rank 1 is first.
constexpr size_t kFirst = 1;

TEST(ElectionTest, TheVoterOfTheGroupsRankLeadsAtTheFirstTick) {
  Cluster cluster(Three());
  cluster.Run(1);
  EXPECT_EQ(cluster.Leader(), kFirst);
  EXPECT_EQ(cluster.core(kFirst).term(), Term(1));
  EXPECT_EQ(cluster.core(kFirst).committed(), LogIndex(1));
  EXPECT_EQ(cluster.checker().breach(), "");
}

TEST(ElectionTest, WithoutItTheOthersElectAfterAnElectionTime) {
  ClusterOptions options = Three();
  Cluster cluster(options);
  cluster.Isolate(kFirst, true);
  cluster.Run(kElection - 1);
  EXPECT_EQ(cluster.core(0).term(), Term(0));
  cluster.Run(4 * kElection);
  const std::optional<size_t> leader = cluster.Leader();
  ASSERT_TRUE(leader.has_value());
  EXPECT_NE(*leader, kFirst);
}

struct Flags {
  bool pre_vote;
  bool check_quorum;
  uint32_t lease_ticks;
};

constexpr Flags kAllFlags[] = {{false, false, 0}, {false, true, 0},
                               {false, true, 5},  {true, false, 0},
                               {true, true, 0},   {true, true, 5}};

ClusterOptions With(const Flags& flags) {
  ClusterOptions options = Three(flags.pre_vote, flags.check_quorum);
  options.core.lease_ticks = flags.lease_ticks;
  return options;
}

std::string Name(const Flags& flags) {
  return std::string(flags.pre_vote ? "pre-vote " : "") +
         (flags.check_quorum ? "check-quorum " : "") +
         (flags.lease_ticks > 0 ? "lease" : "");
}

// RAFT.md 28.
TEST(ElectionTest, AReplicaThatReturnsDisturbsNobodyWherePreVoteIsOn) {
  for (const Flags& flags : kAllFlags) {
    SCOPED_TRACE(Name(flags));
    Cluster cluster(With(flags));
    cluster.Run(1);
    cluster.Isolate(0, true);
    cluster.Run(6 * kElection);
    EXPECT_EQ(cluster.core(0).term() > Term(1), !flags.pre_vote);
    cluster.Isolate(0, false);
    cluster.Run(6 * kElection);
    ASSERT_TRUE(cluster.Leader().has_value());
    EXPECT_EQ(cluster.core(*cluster.Leader()).term() == Term(1),
              flags.pre_vote);
    ASSERT_TRUE(cluster.Converge(20 * kElection));
    EXPECT_EQ(cluster.checker().breach(), "");
  }
}

// The follower's own messages arrive, the leader's do not reach it.
TEST(ElectionTest, AFollowerThatHearsNobodyDisturbsNobody) {
  for (const Flags& flags : kAllFlags) {
    if (!flags.pre_vote || !flags.check_quorum) continue;
    SCOPED_TRACE(Name(flags));
    Cluster cluster(With(flags));
    cluster.Run(1);
    cluster.Cut(kFirst, 0, true);
    cluster.Run(10 * kElection);
    EXPECT_EQ(cluster.Leader(), kFirst);
    EXPECT_EQ(cluster.core(kFirst).term(), Term(1));
    EXPECT_EQ(cluster.core(0).term(), Term(1));
  }
}

// RAFT.md 21.
TEST(ElectionTest, ALeaderWithoutAQuorumStepsDownWhereItIsChecked) {
  for (const Flags& flags : kAllFlags) {
    SCOPED_TRACE(Name(flags));
    Cluster cluster(With(flags));
    cluster.Run(1);
    cluster.Isolate(kFirst, true);
    cluster.Run(kElection + 1);
    EXPECT_EQ(cluster.core(kFirst).role() == Role::kLeader,
              !flags.check_quorum);
    cluster.Run(5 * kElection);
    const std::optional<size_t> leader = cluster.Leader();
    ASSERT_TRUE(leader.has_value());
    EXPECT_NE(*leader, kFirst);
    ASSERT_TRUE(cluster.Converge(20 * kElection));
    EXPECT_EQ(cluster.checker().breach(), "");
  }
}

// 1 - 2 - 3: replica 2 hears both, 1 and 3 hear only it. Half the group's links
// are gone, and there is still a leader.
TEST(ElectionTest, AChainOfThreeKeepsALeader) {
  for (const Flags& flags : kAllFlags) {
    if (!flags.pre_vote || !flags.check_quorum) continue;
    SCOPED_TRACE(Name(flags));
    Cluster cluster(With(flags));
    cluster.Run(1);
    cluster.Cut(0, 2, true);
    cluster.Cut(2, 0, true);
    cluster.Run(10 * kElection);
    ASSERT_TRUE(cluster.Leader().has_value());
    ASSERT_TRUE(cluster.Propose(*cluster.Leader(), 10).ok());
    cluster.Run(2);
    EXPECT_EQ(cluster.core(*cluster.Leader()).committed(),
              cluster.core(*cluster.Leader()).last().index);
  }
}

// RAFT.md 3: a replica of a higher term must be able to come back.
TEST(ElectionTest, AHigherTermFromElsewhereDoesNotBlockTheGroup) {
  for (const Flags& flags : kAllFlags) {
    SCOPED_TRACE(Name(flags));
    Cluster cluster(With(flags));
    cluster.Run(1);
    cluster.Isolate(0, true);
    for (int i = 0; i < 5; ++i) {
      Message stale = MessageOf(MessageType::kVoteResponse, 3, 1, 40 + i);
      cluster.core(0).Step(stale);
    }
    EXPECT_EQ(cluster.core(0).term(), Term(44));
    cluster.Isolate(0, false);
    ASSERT_TRUE(cluster.Converge(20 * kElection));
    EXPECT_GE(cluster.core(0).term(), Term(44));
    EXPECT_EQ(cluster.checker().breach(), "");
  }
}

TEST(ElectionTest, AVoteRequestDoesNotEndALeaderThatIsHeard) {
  Cluster cluster(Three());
  cluster.Run(1);
  for (size_t i = 0; i < 3; ++i) {
    Message request = VoteRequest(i == 0 ? 3 : 1, i + 1, 9, At(8, 9));
    cluster.core(i).Step(request);
    EXPECT_EQ(cluster.core(i).term(), Term(1));
    EXPECT_FALSE(cluster.core(i).HasOutput());
    request.type = MessageType::kPreVoteRequest;
    cluster.core(i).Step(request);
    EXPECT_FALSE(cluster.core(i).TakeOutput().messages.at(0).granted);
  }
  EXPECT_EQ(cluster.Leader(), kFirst);
}

// What only asks never raises a term.
TEST(ElectionTest, QuestionsOfALaterTermRaiseNoTerm) {
  Cluster cluster(Three());
  cluster.Run(1);
  for (const MessageType type :
       {MessageType::kPreVoteRequest, MessageType::kFetchRequest,
        MessageType::kRepairRequest, MessageType::kReadRequest,
        MessageType::kLeaderQuery}) {
    cluster.core(kFirst).Step(MessageOf(type, 1, kFirst + 1, 9));
    EXPECT_EQ(cluster.core(kFirst).term(), Term(1));
    EXPECT_EQ(cluster.core(kFirst).role(), Role::kLeader);
  }
}

// RAFT.md 4 and 1.
TEST(ElectionTest, APreCandidateFollowsTheLeaderItHearsAndKeepsItsVote) {
  Core core(OptionsOf(1), Restored(Voters({1, 2, 3}), {1}));
  core.Step(VoteRequest(3, 1, 2, At(1, 1)));
  core.TakeOutput();
  core.Campaign();
  EXPECT_EQ(core.role(), Role::kPreCandidate);
  EXPECT_EQ(core.leader(), std::nullopt);
  EXPECT_EQ(core.term(), Term(2));
  core.Step(AppendRequest(3, 1, 2, At(1, 1), {2}));
  EXPECT_EQ(core.role(), Role::kFollower);
  EXPECT_EQ(core.TakeOutput().persists.at(0).hard_state,
            (HardState{Term(2), Replica(3)}));
  core.CheckInvariants();
}

TEST(ElectionTest, APreCandidateAdoptsTheTermOfARefusalOnly) {
  Core core(OptionsOf(1), Restored(Voters({1, 2, 3}), {1}));
  Message response = MessageOf(MessageType::kPreVoteResponse, 2, 1, 7);
  core.Step(response);
  EXPECT_EQ(core.term(), Term(1));  // nothing was asked
  core.Campaign();
  response.granted = true;
  core.Step(response);
  EXPECT_EQ(core.role(), Role::kPreCandidate);
  response.granted = false;
  core.Step(response);
  EXPECT_EQ(core.role(), Role::kFollower);
  EXPECT_EQ(core.term(), Term(7));
}

TEST(ElectionTest, PreferredVotersStandFirst) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    CoreOptions options = OptionsOf(1);
    options.random_seed = seed;
    for (uint8_t priority = 0; priority <= 3; ++priority) {
      options.priority = priority;
      Core core(options, Restored(Voters({1, 2, 3}), {1}));
      uint32_t ticks = 0;
      while (core.role() == Role::kFollower && ticks < 100) {
        core.Tick();
        ++ticks;
      }
      if (priority == 0) {
        EXPECT_EQ(ticks, 100u);
        continue;
      }
      EXPECT_GE(ticks, 10u + 5u * (3u - priority));
      EXPECT_LT(ticks, 20u + 5u * (3u - priority));
    }
  }
}

// --- leases ---

ClusterOptions WithLeases() {
  ClusterOptions options = Three();
  options.core.lease_ticks = 5;
  return options;
}

TEST(ElectionTest, ALeaseAnswersReadsWithoutARound) {
  Cluster cluster(WithLeases());
  EXPECT_FALSE(cluster.core(kFirst).holds_lease());
  cluster.Run(3);
  ASSERT_TRUE(cluster.core(kFirst).holds_lease());
  EXPECT_FALSE(cluster.core(0).holds_lease());
  cluster.core(kFirst).TakeOutput();
  cluster.Read(kFirst);
  const Output output = cluster.core(kFirst).TakeOutput();
  EXPECT_EQ(output.reads_confirmed.size(), 1u);
  EXPECT_TRUE(output.messages.empty());
}

TEST(ElectionTest, ALeaseEndsBeforeAnotherCanBeElected) {
  Cluster cluster(WithLeases());
  cluster.Run(3);
  cluster.Isolate(kFirst, true);
  cluster.Run(4);
  EXPECT_TRUE(cluster.core(kFirst).holds_lease());
  cluster.Run(1);
  EXPECT_FALSE(cluster.core(kFirst).holds_lease());
  EXPECT_EQ(cluster.core(kFirst).role(), Role::kLeader);
  for (int tick = 0; tick < 60; ++tick) {
    cluster.Run(1);
    ASSERT_FALSE(cluster.core(kFirst).holds_lease());
  }
}

TEST(ElectionTest, ARestartedReplicaKeepsThePromiseItMayHaveGiven) {
  CoreOptions options = OptionsOf(1);
  options.lease_ticks = 5;
  Core core(options, Restored(Voters({1, 2, 3}), {1}));
  core.Step(VoteRequest(2, 1, 2, At(1, 1)));
  core.Campaign();
  EXPECT_FALSE(core.HasOutput());
  EXPECT_EQ(core.term(), Term(1));
  for (int i = 0; i < 9; ++i) core.Tick();
  core.Step(VoteRequest(2, 1, 2, At(1, 1)));
  EXPECT_EQ(core.term(), Term(1));
  core.Tick();
  core.Step(VoteRequest(2, 1, 2, At(1, 1)));
  EXPECT_EQ(core.TakeOutput().persists.size(), 1u);
}

TEST(ElectionTest, ACallThatWasLongOnItsWayEndsNoLease) {
  Cluster cluster(WithLeases());
  cluster.Run(3);
  ASSERT_TRUE(cluster.core(kFirst).TransferLeadership(Replica(1)).ok());
  cluster.Isolate(0, true);
  cluster.Run(1);
  EXPECT_FALSE(cluster.core(kFirst).holds_lease());
  cluster.Run(kElection);
  EXPECT_FALSE(cluster.core(kFirst).transferring());
  cluster.Isolate(0, false);
  Message call = MessageOf(MessageType::kTimeoutNow, kFirst + 1, 1, 1);
  call.beat = 4;
  cluster.Run(2 * kElection);
  ASSERT_EQ(cluster.Leader(), kFirst);
  ASSERT_TRUE(cluster.core(kFirst).holds_lease());
  cluster.core(0).Step(call);
  EXPECT_EQ(cluster.core(0).term(), Term(1));
  // Nor do the others listen to one that heard less.
  Message request = VoteRequest(1, 3, 2, cluster.core(kFirst).last());
  request.transfer = true;
  request.beat = call.beat;
  cluster.core(2).Step(request);
  EXPECT_EQ(cluster.core(2).term(), Term(1));
}

}  // namespace
}  // namespace kappa::raft
