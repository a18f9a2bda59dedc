#include "raft/persist_queue.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

HardState InTerm(uint64_t term) { return HardState{Term(term), std::nullopt}; }

// Writes one entry and returns its token.
PersistToken WriteOne(PersistQueue& queue, EntryId id) {
  queue.AddEntry(Records(id));
  queue.Seal(InTerm(id.term.value()), id.index);
  return queue.TakeSealed().at(0).token;
}

TEST(PersistQueueTest, GathersWhatBelongsToOneWrite) {
  PersistQueue queue(LogIndex(0));
  EXPECT_FALSE(queue.has_output());
  EXPECT_TRUE(queue.idle());
  queue.AddEntry(Records(At(1, 1)));
  queue.AddEntry(Records(At(1, 2)));
  queue.AddMessage(AppendAccepted(1, 2, 1, 2));
  EXPECT_TRUE(queue.has_output());
  EXPECT_FALSE(queue.idle());
  queue.Seal(InTerm(1), LogIndex(2));
  queue.Seal(InTerm(1), LogIndex(2));  // nothing is open
  const std::vector<Persist> writes = queue.TakeSealed();
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(writes[0].token, (PersistToken{Term(1), LogIndex(2), 1}));
  EXPECT_EQ(writes[0].entries.size(), 2u);
  EXPECT_EQ(writes[0].messages_after.size(), 1u);
  EXPECT_EQ(writes[0].hard_state, InTerm(1));
  EXPECT_FALSE(queue.has_output());
  EXPECT_TRUE(queue.TakeSealed().empty());
  EXPECT_EQ(queue.durable(), LogIndex(0));
}

TEST(PersistQueueTest, OneCompletionStandsForAllBeforeIt) {
  PersistQueue queue(LogIndex(0));
  const PersistToken first = WriteOne(queue, At(1, 1));
  const PersistToken second = WriteOne(queue, At(1, 2));
  const PersistToken third = WriteOne(queue, At(1, 3));
  EXPECT_TRUE(queue.Complete(second));
  EXPECT_EQ(queue.durable(), LogIndex(2));
  EXPECT_EQ(queue.completed_sequence(), second.sequence);
  EXPECT_FALSE(queue.Complete(first));
  EXPECT_FALSE(queue.Complete(second));
  EXPECT_EQ(queue.durable(), LogIndex(2));
  EXPECT_TRUE(queue.Complete(third));
  EXPECT_TRUE(queue.idle());
  queue.CheckInvariants(LogIndex(3));
}

TEST(PersistQueueTest, IgnoresTokensThatDoNotMatch) {
  PersistQueue queue(LogIndex(0));
  const PersistToken token = WriteOne(queue, At(1, 1));
  PersistToken other = token;
  other.term = Term(2);
  EXPECT_FALSE(queue.Complete(other));
  other = token;
  other.index = LogIndex(2);
  EXPECT_FALSE(queue.Complete(other));
  other = token;
  other.sequence += 1;
  EXPECT_FALSE(queue.Complete(other));
  EXPECT_EQ(queue.durable(), LogIndex(0));
  EXPECT_TRUE(queue.Complete(token));
}

TEST(PersistQueueTest, IgnoresTheTokenOfAWriteThatWasNotHandedOut) {
  PersistQueue queue(LogIndex(0));
  queue.AddEntry(Records(At(1, 1)));
  queue.Seal(InTerm(1), LogIndex(1));
  EXPECT_FALSE(queue.Complete(PersistToken{Term(1), LogIndex(1), 1}));
  queue.TakeSealed();
  EXPECT_TRUE(queue.Complete(PersistToken{Term(1), LogIndex(1), 1}));
}

// RAFT.md 10: the same (term, index) is written, cut off and written again
// while the first write is still on its way.
TEST(PersistQueueTest, ALateCompletionDoesNotProveWhatWasOverwritten) {
  PersistQueue queue(LogIndex(4));
  const PersistToken old_entry = WriteOne(queue, At(2, 5));
  queue.Truncate(LogIndex(5));
  queue.AddEntry(Records(At(3, 5)));
  queue.Seal(InTerm(3), LogIndex(5));
  queue.TakeSealed();
  queue.Truncate(LogIndex(5));
  queue.AddEntry(Records(At(2, 5)));
  queue.Seal(InTerm(4), LogIndex(5));
  const PersistToken restored = queue.TakeSealed().at(0).token;
  EXPECT_TRUE(queue.Complete(old_entry));
  EXPECT_EQ(queue.durable(), LogIndex(4));
  EXPECT_TRUE(queue.Complete(restored));
  EXPECT_EQ(queue.durable(), LogIndex(5));
}

TEST(PersistQueueTest, ATruncationLowersWhatIsDurable) {
  PersistQueue queue(LogIndex(9));
  queue.Truncate(LogIndex(6));
  EXPECT_EQ(queue.durable(), LogIndex(5));
  queue.Seal(InTerm(2), LogIndex(5));
  const Persist write = queue.TakeSealed().at(0);
  EXPECT_EQ(write.truncate_from, LogIndex(6));
  EXPECT_TRUE(queue.Complete(write.token));
  EXPECT_EQ(queue.durable(), LogIndex(5));
}

TEST(PersistQueueTest, ANewBaseCountsOnceItIsWritten) {
  PersistQueue queue(LogIndex(9));
  const PersistToken before = WriteOne(queue, At(1, 10));
  LogBase base;
  base.id = At(2, 40);
  queue.InstallBase(base, LogIndex(3), nullptr);
  EXPECT_EQ(queue.durable(), LogIndex(3));
  queue.AddEntry(Records(At(2, 41)));
  queue.Seal(InTerm(2), LogIndex(41));
  const Persist write = queue.TakeSealed().at(0);
  ASSERT_TRUE(write.install_base.has_value());
  EXPECT_EQ(write.install_base->id, At(2, 40));
  EXPECT_TRUE(queue.Complete(before));
  EXPECT_EQ(queue.durable(), LogIndex(3));
  EXPECT_TRUE(queue.Complete(write.token));
  EXPECT_EQ(queue.durable(), LogIndex(41));
}

TEST(PersistQueueDeathTest, ACutNeedsAWriteOfItsOwn) {
  PersistQueue queue(LogIndex(9));
  queue.AddEntry(Records(At(1, 10)));
  EXPECT_DEATH(queue.Truncate(LogIndex(6)), "sealed before a truncation");
  EXPECT_DEATH(queue.InstallBase(LogBase{}, LogIndex(0), nullptr),
               "sealed before a new base");
}

}  // namespace
}  // namespace kappa::raft
