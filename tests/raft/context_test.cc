#include "raft/context.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <utility>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

Context Sample() {
  return Context(OptionsOf(1), Restored(Voters({1, 2, 3}), {1, 1, 2}));
}

TEST(ContextTest, StartsFromWhatIsDurable) {
  Context context = Sample();
  EXPECT_EQ(context.term(), Term(2));
  EXPECT_EQ(context.durable(), LogIndex(3));
  EXPECT_EQ(context.committed(), LogIndex(0));
  EXPECT_FALSE(context.HasOutput());
}

TEST(ContextTest, ANewTermForgetsVoteAndLeaderInOneWrite) {
  Context context = Sample();
  context.EnterTerm(Term(3));
  context.VoteFor(Replica(2));
  context.SetLeader(Replica(2));
  context.EnterTerm(Term(4));
  EXPECT_EQ(context.vote(), std::nullopt);
  EXPECT_EQ(context.leader(), std::nullopt);
  const Output output = context.TakeOutput();
  // The vote of term 3 leaves with term 3.
  ASSERT_EQ(output.persists.size(), 2u);
  EXPECT_EQ(output.persists[0].hard_state, (HardState{Term(3), Replica(2)}));
  EXPECT_EQ(output.persists[1].hard_state, (HardState{Term(4), std::nullopt}));
  EXPECT_TRUE(output.role_changed);
}

TEST(ContextTest, SendsAtOnceOnlyWhenNothingIsBeingWritten) {
  Context context = Sample();
  context.SendAfterDurable(VoteResponse(1, 2, 2, true));
  EXPECT_EQ(context.TakeOutput().messages.size(), 1u);
  context.EnterTerm(Term(3));
  const PersistToken token = context.TakeOutput().persists.at(0).token;
  context.SendAfterDurable(VoteResponse(1, 2, 3, true));
  const Output waiting = context.TakeOutput();
  EXPECT_TRUE(waiting.messages.empty());
  EXPECT_EQ(waiting.persists.at(0).messages_after.size(), 1u);
  EXPECT_TRUE(context.CompletePersist(token));
  EXPECT_FALSE(context.persists().idle());
  EXPECT_TRUE(context.CompletePersist(waiting.persists[0].token));
  context.SendAfterDurable(VoteResponse(1, 2, 3, true));
  EXPECT_EQ(context.TakeOutput().messages.size(), 1u);
}

TEST(ContextTest, ReportsEachCommittedRangeOnce) {
  Context context = Sample();
  context.CommitUpTo(LogIndex(1));
  context.CommitUpTo(LogIndex(2));
  context.CommitUpTo(LogIndex(1));
  const Output output = context.TakeOutput();
  EXPECT_EQ(output.committed->after, LogIndex(0));
  EXPECT_EQ(output.committed->last, LogIndex(2));
  EXPECT_FALSE(context.HasOutput());
  EXPECT_FALSE(context.TakeOutput().committed.has_value());
}

TEST(ContextTest, DrawsElectionTimesOverTheWholeRange) {
  Context context = Sample();
  std::set<uint32_t> drawn;
  for (int i = 0; i < 1000; ++i) drawn.insert(context.DrawElectionTicks());
  EXPECT_EQ(*drawn.begin(), 10u);
  EXPECT_EQ(*drawn.rbegin(), 19u);
  EXPECT_EQ(drawn.size(), 10u);
}

TEST(ContextDeathTest, RefusesWhatWouldBreakAPromise) {
  Context context = Sample();
  context.EnterTerm(Term(3));
  context.VoteFor(Replica(2));
  context.CommitUpTo(LogIndex(2));
  EXPECT_DEATH(context.EnterTerm(Term(3)), "terms only grow");
  EXPECT_DEATH(context.VoteFor(Replica(3)), "a vote never changes");
  EXPECT_DEATH(context.TruncateFrom(LogIndex(2)), "committed entries stay");
  EXPECT_DEATH(context.CommitUpTo(LogIndex(4)), "only what exists");
  EXPECT_DEATH(context.Append(Records(At(4, 4))), "no entry of a later term");
  EXPECT_DEATH(context.Append(Records(At(3, 5))), "contiguous");
}

TEST(ContextTest, ARepairAndALaterTrimAreTwoWrites) {
  Context context = Sample();
  context.CommitUpTo(LogIndex(3));
  context.MarkDamaged(LogIndex(1), Digest{});
  EntryMeta entry;
  entry.id = At(1, 1);
  EXPECT_TRUE(context.Repair(entry));
  LogBase base = context.base();
  base.id = At(1, 2);
  context.TrimTo(base);
  // One write would trim first, and the repaired entry stay below the base.
  const Output output = context.TakeOutput();
  ASSERT_EQ(output.persists.size(), 2u);
  EXPECT_EQ(output.persists[0].repairs.size(), 1u);
  EXPECT_FALSE(output.persists[0].trim_to.has_value());
  EXPECT_EQ(output.persists[1].trim_to, base);
  EXPECT_TRUE(output.persists[1].repairs.empty());
}

}  // namespace
}  // namespace kappa::raft
