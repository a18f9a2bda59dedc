#include "raft/entry_repair.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "raft/context.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

// Replica 1 follows 3 in term 5; entries 2 and 3 of its log are damaged.
class EntryRepairTest : public testing::Test {
 protected:
  EntryRepairTest() {
    RestoredState restored = Restored(Voters({1, 2, 3, 4}), {1, 2, 2, 2});
    restored.hard_state.term = Term(5);
    context_.emplace(OptionsOf(1), restored);
    context_->SetLeader(Replica(3));
    context_->MarkDamaged(LogIndex(2), Digest{2});
    context_->MarkDamaged(LogIndex(3), Digest{3});
  }
  std::vector<Message> Tick() {
    repair_.Tick(*context_, [](ReplicaId, LogIndex) { return true; });
    return context_->TakeOutput().messages;
  }
  Message ResponseWith(EntryId id, Digest chain) {
    Message response = MessageOf(MessageType::kRepairResponse, 3, 1, 5);
    response.granted = true;
    response.last = id;
    response.chain = chain;
    response.entries = {Records(id)};
    return response;
  }

  std::optional<Context> context_;
  EntryRepair repair_;
};

TEST_F(EntryRepairTest, AsksTheLeaderFirstThenTheOthersInTurn) {
  std::vector<uint64_t> asked;
  for (int i = 0; i < 8; ++i) {
    const std::vector<Message> requests = Tick();
    if (requests.empty()) continue;
    EXPECT_EQ(requests.size(), 2u);
    EXPECT_EQ(requests[0].type, MessageType::kRepairRequest);
    EXPECT_EQ(requests[0].last, At(2, 2));
    EXPECT_EQ(requests[0].chain, Digest{2});
    asked.push_back(requests[0].to.node.value());
  }
  EXPECT_EQ(asked, (std::vector<uint64_t>{3, 4, 2, 3}));
  repair_.AskNext(Replica(2));
  EXPECT_EQ(Tick().at(0).to, Replica(2));
}

TEST_F(EntryRepairTest, AsksALeaderInTurnThatItsConfigurationDoesNotName) {
  context_->SetLeader(Replica(6));
  std::vector<uint64_t> asked;
  for (int i = 0; i < 10; ++i) {
    const std::vector<Message> requests = Tick();
    if (!requests.empty()) asked.push_back(requests[0].to.node.value());
  }
  EXPECT_EQ(asked, (std::vector<uint64_t>{6, 2, 3, 4, 6}));
}

TEST_F(EntryRepairTest, AnEqualEntryTakesItsPlaceOnceItIsDurable) {
  Tick();
  repair_.OnRepairResponse(*context_, ResponseWith(At(2, 2), Digest{2}));
  repair_.OnRepairResponse(*context_, ResponseWith(At(2, 2), Digest{2}));
  const Output output = context_->TakeOutput();
  ASSERT_EQ(output.persists.at(0).repairs.size(), 1u);
  EXPECT_EQ(output.persists[0].repairs[0].id, At(2, 2));
  EXPECT_TRUE(context_->damaged().Contains(LogIndex(2)));
  EXPECT_TRUE(context_->CompletePersist(output.persists[0].token));
  EXPECT_FALSE(context_->damaged().Contains(LogIndex(2)));
  EXPECT_TRUE(context_->damaged().Contains(LogIndex(3)));
  context_->CheckInvariants();
}

TEST_F(EntryRepairTest, TakesNothingElse) {
  Tick();
  repair_.OnRepairResponse(*context_, ResponseWith(At(1, 2), Digest{2}));
  repair_.OnRepairResponse(*context_, ResponseWith(At(2, 2), Digest{9}));
  repair_.OnRepairResponse(*context_, ResponseWith(At(2, 4), Digest{2}));
  Message none = ResponseWith(At(2, 2), Digest{2});
  none.entries.clear();
  repair_.OnRepairResponse(*context_, none);
  Message kind = ResponseWith(At(2, 2), Digest{2});
  kind.entries[0].kind = EntryKind::kConfiguration;
  repair_.OnRepairResponse(*context_, kind);
  EXPECT_TRUE(context_->TakeOutput().persists.empty());
}

TEST_F(EntryRepairTest, CountsHowLongItWaits) {
  for (int i = 0; i < 5; ++i) Tick();
  EXPECT_EQ(repair_.waited_ticks(), 5u);
  repair_.OnRepairResponse(*context_, ResponseWith(At(2, 2), Digest{2}));
  EXPECT_EQ(repair_.waited_ticks(), 0u);
  context_->SetDiskFull(true);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Tick().empty());
}

}  // namespace
}  // namespace kappa::raft
