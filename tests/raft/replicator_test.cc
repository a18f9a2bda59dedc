// Where a peer's entries come from: the log, another replica, or a base. How
// they stream is tested through the leader (leader_test.cc).
#include "raft/replicator.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "raft/context.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

// Replica 1 leads 1, 2, 3, 4 in term 5 with a durable log of `entries` entries
// of term 5, all of it committed. Everybody but `laggard` holds all of it.
class ReplicatorTest : public testing::Test {
 protected:
  void Start(uint64_t entries, CoreOptions options, EntryId base = EntryId{}) {
    context_.emplace(options,
                     Restored(Voters({1, 2, 3, 4}),
                              std::vector<uint64_t>(entries, 5), base));
    context_->CommitUpTo(context_->log().last().index);
    replicator_.emplace(*context_, context_->log().last().index.Next());
    Take();
  }
  std::vector<Message> Take(bool heartbeat = false) {
    RequestStamp stamp;
    stamp.beat = ticks_;
    replicator_->SendPending(*context_, tail_, stamp, heartbeat);
    Check();
    return context_->TakeOutput().messages;
  }
  void Check() { replicator_->CheckInvariants(*context_); }
  void Answer(uint64_t from, uint64_t match) {
    PeerProgress& peer = Peer(from);
    peer.RecordBeat(ticks_);
    replicator_->RecordResponse(*context_, peer,
                                AppendAccepted(from, 1, 5, match));
    Check();
  }
  void Heartbeat() {
    replicator_->RecordHeartbeat(*context_, ++ticks_);
    Check();
  }
  PeerProgress& Peer(uint64_t node) {
    return *replicator_->Find(Replica(node));
  }
  // 2 and 3 hold everything, and know that it is committed.
  void Settle() {
    const uint64_t last = context_->log().last().index.value();
    Answer(2, last);
    Answer(3, last);
    Take();
  }
  static CoreOptions SmallLimits() {
    CoreOptions options = OptionsOf(1);
    options.catch_up_entries = 20;
    options.request_entries_max = 4;
    options.base_chunk_bytes = 10;
    return options;
  }

  std::optional<Context> context_;
  std::optional<Replicator> replicator_;
  UncommittedTail tail_;
  uint64_t ticks_ = 1;
};

TEST_F(ReplicatorTest, WhoLacksManyCommittedEntriesCatchesUpFromAFollower) {
  Start(100, SmallLimits());
  Settle();
  Answer(4, 0);
  EXPECT_EQ(Peer(4).state(), PeerState::kProbe);  // nothing is known of it yet
  Answer(4, 100);
  EXPECT_EQ(Peer(4).state(), PeerState::kReplicate);

  Start(100, SmallLimits());
  Settle();
  Peer(4).RecordRejection(LogIndex(100), LogIndex(50));
  Answer(4, 54);
  EXPECT_EQ(Peer(4).state(), PeerState::kCatchUp);
  EXPECT_EQ(Peer(4).donor(), Replica(2));
  EXPECT_TRUE(Take().empty());
  const std::vector<Message> beats = Take(true);
  ASSERT_EQ(beats.size(), 3u);
  EXPECT_EQ(beats[0].donor, std::nullopt);
  EXPECT_EQ(beats[2].donor, Replica(2));
  EXPECT_EQ(beats[2].previous, At(5, 54));
  EXPECT_TRUE(beats[2].entries.empty());
  Answer(4, 80);
  EXPECT_EQ(Peer(4).state(), PeerState::kCatchUp);
  Answer(4, 96);
  EXPECT_EQ(Peer(4).state(), PeerState::kReplicate);
  EXPECT_EQ(Take().at(0).previous, At(5, 96));
}

TEST_F(ReplicatorTest, ChangesTheDonorWhenNothingComes) {
  Start(100, SmallLimits());
  Settle();
  Peer(4).RecordRejection(LogIndex(100), LogIndex(50));
  Answer(4, 54);
  EXPECT_EQ(Peer(4).donor(), Replica(2));
  std::vector<uint64_t> donors;
  for (int i = 0; i < 45; ++i) {
    Heartbeat();
    Answer(2, 100);
    Answer(3, 100);
    const uint64_t donor = Peer(4).donor()->node.value();
    if (donors.empty() || donors.back() != donor) donors.push_back(donor);
  }
  EXPECT_EQ(donors, (std::vector<uint64_t>{2, 3, 1, 2, 3}));
}

TEST_F(ReplicatorTest, ChangesADonorThatFallsSilent) {
  Start(100, SmallLimits());
  Settle();
  Peer(4).RecordRejection(LogIndex(100), LogIndex(50));
  Answer(4, 54);
  for (uint64_t i = 0; i < 12; ++i) {
    Heartbeat();
    Answer(3, 100);
    Answer(4, 55 + i);  // it makes progress all the time
  }
  EXPECT_EQ(Peer(4).donor(), Replica(3));
}

TEST_F(ReplicatorTest, TheLeaderIsTheDonorOfLastResort) {
  Start(100, SmallLimits());
  Peer(4).RecordRejection(LogIndex(100), LogIndex(50));
  Answer(4, 54);
  EXPECT_EQ(Peer(4).donor(), Replica(1));
}

TEST_F(ReplicatorTest, ATrimSendsTheBaseToWhoNeedsIt) {
  Start(100, SmallLimits());
  Settle();
  Peer(4).RecordRejection(LogIndex(100), LogIndex(50));
  Answer(4, 54);
  LogBase base;
  base.id = At(5, 60);
  base.configuration = context_->configuration();
  base.state_bytes = 25;
  context_->TrimTo(base);
  replicator_->OnTrimmed(*context_);
  Check();
  EXPECT_EQ(Peer(2).state(), PeerState::kReplicate);
  EXPECT_EQ(Peer(4).state(), PeerState::kBase);
  std::vector<Message> messages = Take();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].type, MessageType::kBaseRequest);
  EXPECT_EQ(messages[0].chunk->base, base);
  Message response = MessageOf(MessageType::kBaseResponse, 4, 1, 5);
  response.granted = true;
  response.last = base.id;
  response.chunk_end = 10;
  replicator_->OnBaseResponse(*context_, response);
  messages = Take();
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[1].chunk->offset, 20u);
  EXPECT_EQ(replicator_->Status(*context_, ticks_)[2].base_bytes, 10u);
  // A later base begins anew.
  base.id = At(5, 70);
  context_->TrimTo(base);
  replicator_->OnTrimmed(*context_);
  messages = Take();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].chunk->offset, 0u);
  replicator_->OnBaseResponse(*context_, response);  // about the former one
  EXPECT_TRUE(Take().empty());
  Answer(4, 70);
  EXPECT_EQ(Peer(4).state(), PeerState::kCatchUp);
}

TEST_F(ReplicatorTest, ATrimBelowWhatIsInFlightWaitsForItsAnswer) {
  CoreOptions options = SmallLimits();
  Start(100, options);
  Settle();
  Peer(4).RecordRejection(LogIndex(100), LogIndex(80));
  Answer(4, 84);  // lacks 16, so it gets them from the log
  EXPECT_FALSE(Take().empty());
  for (uint64_t n = 101; n <= 110; ++n) context_->Append(Records(At(5, n)));
  const PersistToken token = context_->TakeOutput().persists.at(0).token;
  ASSERT_TRUE(context_->CompletePersist(token));
  context_->CommitUpTo(LogIndex(110));
  LogBase base;
  base.id = At(5, 95);
  base.configuration = context_->configuration();
  context_->TrimTo(base);
  replicator_->OnTrimmed(*context_);
  Check();
  EXPECT_EQ(Peer(4).state(), PeerState::kReplicate);
  Answer(4, 88);
  EXPECT_EQ(Peer(4).state(), PeerState::kReplicate);
  Answer(4, 100);
  EXPECT_EQ(Peer(4).match(), LogIndex(100));
}

// RELIABILITY.md S7.
TEST_F(ReplicatorTest, StopsBeforeADamagedEntry) {
  CoreOptions options = SmallLimits();
  options.catch_up_entries = 0;
  Start(20, options);
  context_->MarkDamaged(LogIndex(13), Digest{});
  Peer(4).RecordRejection(LogIndex(20), LogIndex(10));
  std::vector<Message> messages = Take();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].entries.size(), 2u);  // 11, 12
  Answer(4, 12);
  EXPECT_EQ(Peer(4).state(), PeerState::kReplicate);
  for (const Message& message : Take()) EXPECT_TRUE(message.entries.empty());
  ASSERT_TRUE(context_->Repair(Records(At(5, 13))));
  const PersistToken token = context_->TakeOutput().persists.at(0).token;
  ASSERT_TRUE(context_->CompletePersist(token));
  EXPECT_EQ(Take().at(0).previous, At(5, 12));
}

TEST_F(ReplicatorTest, UnknownEntriesCountAsOptionsSay) {
  CoreOptions options = SmallLimits();
  options.catch_up_entries = 0;
  options.request_bytes_max = 1000;
  options.unknown_entry_bytes = 500;
  options.in_flight_bytes_max = 2000;
  Start(20, options);
  Peer(4).RecordRejection(LogIndex(20), LogIndex(2));
  EXPECT_EQ(Take().at(0).entries.size(), 2u);
  Answer(4, 4);
  EXPECT_EQ(Take().size(), 2u);  // 1,000 bytes each
  EXPECT_EQ(Peer(4).in_flight_bytes(), 2000u);
}

TEST_F(ReplicatorTest, FollowsTheConfiguration) {
  Start(20, SmallLimits());
  Settle();
  EntryMeta entry = Records(At(5, 21));
  entry.kind = EntryKind::kConfiguration;
  entry.configuration =
      std::make_shared<const Configuration>(Voters({1, 3, 9}));
  context_->Append(entry);
  replicator_->FollowConfiguration(*context_);
  Check();
  EXPECT_EQ(replicator_->Find(Replica(2)), nullptr);
  EXPECT_EQ(Peer(3).match(), LogIndex(20));
  EXPECT_EQ(Peer(9).state(), PeerState::kProbe);
  const std::vector<PeerStatus> status = replicator_->Status(*context_, ticks_);
  ASSERT_EQ(status.size(), 2u);
  EXPECT_TRUE(status[0].active);
  EXPECT_FALSE(status[1].active);
  EXPECT_TRUE(status[1].voter);
}

}  // namespace
}  // namespace kappa::raft
