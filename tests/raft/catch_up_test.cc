#include "raft/catch_up.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "raft/context.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

// Replica 1 follows 2 in term 5 and fetches from 3.
class CatchUpTest : public testing::Test {
 protected:
  void Start(const std::vector<uint64_t>& terms, EntryId verified,
             CoreOptions options = OptionsOf(1)) {
    RestoredState restored = Restored(Voters({1, 2, 3}), terms);
    restored.hard_state.term = Term(5);
    context_.emplace(options, restored);
    context_->SetLeader(Replica(2));
    catch_up_.emplace(Replica(3), verified);
    catch_up_->OnHeartbeat(*context_, Replica(3), verified);
  }
  Output Take() {
    context_->CheckInvariants();
    return context_->TakeOutput();
  }
  Message Response(EntryId previous, const std::vector<uint64_t>& terms) {
    Message response = AppendRequest(3, 1, 5, previous, terms);
    response.type = MessageType::kFetchResponse;
    response.granted = true;
    return response;
  }
  void Respond(const Message& response) {
    catch_up_->OnFetchResponse(*context_, response);
  }
  void Complete(const Output& output) {
    for (const Persist& persist : output.persists) {
      EXPECT_TRUE(context_->CompletePersist(persist.token));
    }
    catch_up_->OnDurable(*context_);
  }
  static EntryId AskedAfter(const Output& output) {
    for (const Message& message : output.messages) {
      if (message.type == MessageType::kFetchRequest) return message.previous;
    }
    return At(0, 99);
  }

  std::optional<Context> context_;
  std::optional<CatchUp> catch_up_;
};

TEST_F(CatchUpTest, FetchesRequestByRequestAndAcknowledgesToTheLeader) {
  Start({1}, At(1, 1));
  Output output = Take();
  EXPECT_EQ(output.messages.at(0).to, Replica(3));
  EXPECT_EQ(AskedAfter(output), At(1, 1));
  Respond(Response(At(1, 1), {1, 1, 4}));
  output = Take();
  EXPECT_EQ(AskedAfter(output), At(4, 4));  // at once, whatever the disk does
  EXPECT_EQ(context_->committed(), LogIndex(4));
  const Message& ack = output.persists.at(0).messages_after.at(0);
  EXPECT_EQ(ack.type, MessageType::kAppendResponse);
  EXPECT_EQ(ack.to, Replica(2));
  EXPECT_TRUE(ack.granted);
  EXPECT_EQ(ack.match, LogIndex(4));
  EXPECT_EQ(ack.beat, 0u);
  EXPECT_EQ(ack.read_round, 0u);
}

// Simulation seed 210: the acknowledgement of the last entries that a donor has
// was lost, and the leader waited for them for ever.
TEST_F(CatchUpTest, AcknowledgesAgainWhatTheLeaderHasNotHeard) {
  Start({1}, At(1, 1));
  Take();
  Respond(Response(At(1, 1), {1, 1, 4}));
  Complete(Take());
  Respond(Response(At(4, 4), {}));
  Take();
  catch_up_->OnHeartbeat(*context_, Replica(3), At(1, 1));
  const Output output = Take();
  const Message& ack = output.messages.at(0);
  EXPECT_EQ(ack.type, MessageType::kAppendResponse);
  EXPECT_EQ(ack.to, Replica(2));
  EXPECT_TRUE(ack.granted);
  EXPECT_EQ(ack.match, LogIndex(4));
  EXPECT_EQ(AskedAfter(output), At(4, 4));
}

TEST_F(CatchUpTest, AcknowledgesNothingFromUncommittedDamageOn) {
  Start({1, 1, 1, 1}, At(1, 4));
  context_->MarkDamaged(LogIndex(3), Digest{3});
  Take();
  catch_up_->OnHeartbeat(*context_, Replica(3), At(1, 1));
  const Output output = Take();
  EXPECT_EQ(output.messages.at(0).type, MessageType::kAppendResponse);
  EXPECT_EQ(output.messages.at(0).match, LogIndex(2));
}

TEST_F(CatchUpTest, ReplacesAnUncommittedSuffixNeverACommittedEntry) {
  Start({1, 3, 3}, At(1, 1));
  Take();
  Respond(Response(At(1, 1), {4, 4}));
  EXPECT_EQ(Take().persists.at(0).truncate_from, LogIndex(2));
  EXPECT_EQ(context_->log().last(), At(4, 3));
  EXPECT_EQ(context_->committed(), LogIndex(3));
  // Nobody correct sends this.
  Start({1, 3, 3}, At(1, 1));
  context_->CommitUpTo(LogIndex(3));
  Take();
  Respond(Response(At(1, 1), {4, 4}));
  EXPECT_TRUE(Take().persists.empty());
  EXPECT_EQ(context_->log().last(), At(3, 3));
}

TEST_F(CatchUpTest, TakesOnlyTheAnswerThatItWaitsFor) {
  Start({1}, At(1, 1));
  Take();
  Message stranger = Response(At(1, 1), {1});
  stranger.from = Replica(2);
  Respond(stranger);
  Respond(Response(At(0, 0), {1, 1}));  // of an earlier request
  Message hole = Response(At(1, 1), {1, 1});
  hole.entries[1].id.index = LogIndex(9);
  Respond(hole);
  EXPECT_EQ(context_->log().last(), At(1, 1));
  Respond(Response(At(1, 1), {1}));
  Respond(Response(At(1, 1), {1}));  // twice
  EXPECT_EQ(context_->log().last(), At(1, 2));
  EXPECT_EQ(Take().messages.size(), 1u);
}

TEST_F(CatchUpTest, WaitsForTheNextHeartbeatWhenTheDonorHasNoMore) {
  Start({1}, At(1, 1));
  Take();
  Respond(Response(At(1, 1), {}));
  EXPECT_TRUE(Take().messages.empty());
  for (int i = 0; i < 5; ++i) catch_up_->Tick(*context_);
  EXPECT_TRUE(Take().messages.empty());
  catch_up_->OnHeartbeat(*context_, Replica(3), At(1, 1));
  EXPECT_EQ(AskedAfter(Take()), At(1, 1));
  Message refusal = Response(At(1, 1), {});
  refusal.granted = false;
  Respond(refusal);
  EXPECT_TRUE(Take().messages.empty());
}

TEST_F(CatchUpTest, AsksAgainWhenTheAnswerIsLost) {
  Start({1}, At(1, 1));
  Take();
  catch_up_->Tick(*context_);
  catch_up_->Tick(*context_);
  EXPECT_TRUE(Take().messages.empty());
  catch_up_->Tick(*context_);
  EXPECT_EQ(AskedAfter(Take()), At(1, 1));
}

TEST_F(CatchUpTest, AsksAnotherDonorAtOnceAndGoesOnWhereItIs) {
  Start({1}, At(1, 1));
  Respond(Response(At(1, 1), {1, 1}));
  Take();
  catch_up_->OnHeartbeat(*context_, Replica(2), At(1, 1));
  const Output output = Take();
  EXPECT_EQ(AskedAfter(output), At(1, 3));
  EXPECT_EQ(output.messages.at(0).to, Replica(2));
  Respond(Response(At(1, 3), {1}));  // the former donor's
  EXPECT_EQ(context_->log().last(), At(1, 3));
}

TEST_F(CatchUpTest, DoesNotRunAheadOfItsDisk) {
  CoreOptions options = OptionsOf(1);
  options.in_flight_entries_max = 2;
  Start({1}, At(1, 1), options);
  Take();
  Respond(Response(At(1, 1), {1, 1}));
  const Output output = Take();
  EXPECT_EQ(AskedAfter(output), At(0, 99));
  Complete(output);
  EXPECT_EQ(AskedAfter(Take()), At(1, 3));
}

// RELIABILITY.md S10.
TEST_F(CatchUpTest, RestsWhileTheDiskIsFull) {
  Start({1}, At(1, 1));
  Take();
  context_->SetDiskFull(true);
  Respond(Response(At(1, 1), {1}));
  EXPECT_EQ(context_->log().last(), At(1, 1));
  for (int i = 0; i < 5; ++i) catch_up_->Tick(*context_);
  EXPECT_TRUE(Take().messages.empty());
  context_->SetDiskFull(false);
  catch_up_->OnHeartbeat(*context_, Replica(3), At(1, 1));
  EXPECT_EQ(AskedAfter(Take()), At(1, 1));
}

}  // namespace
}  // namespace kappa::raft
