#include "raft/donor.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "raft/context.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

// Replica 1 holds terms 2 2 2 4 4 4 after the base (1, 3); 8 is committed.
class DonorTest : public testing::Test {
 protected:
  DonorTest() {
    CoreOptions options = OptionsOf(1);
    options.request_entries_max = 3;
    context_.emplace(options,
                     Restored(Voters({1, 2, 3}), {2, 2, 2, 4, 4, 4}, At(1, 3)));
    context_->CommitUpTo(LogIndex(8));
  }
  Message Fetch(EntryId previous) {
    Message request = MessageOf(MessageType::kFetchRequest, 2, 1, 4);
    request.previous = previous;
    AnswerFetchRequest(*context_, request);
    return context_->TakeOutput().messages.at(0);
  }
  Message Repair(EntryId id) {
    Message request = MessageOf(MessageType::kRepairRequest, 2, 1, 4);
    request.last = id;
    request.chain = Digest{9};
    AnswerRepairRequest(*context_, request);
    return context_->TakeOutput().messages.at(0);
  }

  std::optional<Context> context_;
};

std::vector<EntryId> IdsOf(const Message& message) {
  std::vector<EntryId> ids;
  for (const EntryMeta& entry : message.entries) ids.push_back(entry.id);
  return ids;
}

using Ids = std::vector<EntryId>;

TEST_F(DonorTest, GivesCommittedEntriesUpToTheLimit) {
  const Message response = Fetch(At(1, 3));
  EXPECT_EQ(response.type, MessageType::kFetchResponse);
  EXPECT_EQ(response.to, Replica(2));
  EXPECT_TRUE(response.granted);
  EXPECT_EQ(response.previous, At(1, 3));
  EXPECT_EQ(IdsOf(response), (Ids{At(2, 4), At(2, 5), At(2, 6)}));
  EXPECT_EQ(response.entries[0].handle, EntryHandle(0));
  EXPECT_EQ(IdsOf(Fetch(At(2, 6))), (Ids{At(4, 7), At(4, 8)}));
  // At the end: granted, with nothing.
  EXPECT_TRUE(Fetch(At(4, 8)).granted);
  EXPECT_TRUE(Fetch(At(4, 8)).entries.empty());
}

TEST_F(DonorTest, RefusesWhatItCannotContinue) {
  EXPECT_FALSE(Fetch(At(4, 9)).granted);  // not committed
  EXPECT_FALSE(Fetch(At(3, 6)).granted);  // another entry
  EXPECT_FALSE(Fetch(At(1, 2)).granted);  // below the base
  EXPECT_FALSE(Fetch(At(4, 90)).granted);
}

TEST_F(DonorTest, NeverGivesADamagedEntry) {
  context_->MarkDamaged(LogIndex(5), Digest{});
  EXPECT_EQ(IdsOf(Fetch(At(1, 3))), (Ids{At(2, 4)}));
  EXPECT_FALSE(Fetch(At(2, 4)).granted);
  EXPECT_EQ(IdsOf(Fetch(At(2, 5))), (Ids{At(2, 6), At(4, 7), At(4, 8)}));
}

TEST_F(DonorTest, AnswersForOneEntry) {
  const Message holds = Repair(At(2, 5));
  EXPECT_EQ(holds.type, MessageType::kRepairResponse);
  EXPECT_EQ(holds.holding, Holding::kHolds);
  EXPECT_EQ(IdsOf(holds), (Ids{At(2, 5)}));
  EXPECT_EQ(holds.last, At(2, 5));
  EXPECT_EQ(holds.chain, Digest{9});
  // An uncommitted one is as good: equal ids have equal content.
  EXPECT_EQ(Repair(At(4, 9)).holding, Holding::kHolds);
  const Message lacks = Repair(At(3, 5));
  EXPECT_EQ(lacks.holding, Holding::kLacks);
  EXPECT_TRUE(lacks.entries.empty());
  EXPECT_EQ(Repair(At(1, 2)).holding, Holding::kUnknown);
  context_->MarkDamaged(LogIndex(5), Digest{});
  EXPECT_EQ(Repair(At(2, 5)).holding, Holding::kUnknown);
  EXPECT_TRUE(Repair(At(2, 5)).entries.empty());
}

}  // namespace
}  // namespace kappa::raft
