#include "raft/peer_progress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

CoreOptions Limits(uint64_t entries_max, uint64_t bytes_max = 1 << 20) {
  CoreOptions options;
  options.in_flight_entries_max = entries_max;
  options.in_flight_bytes_max = bytes_max;
  return options;
}

// A peer that has confirmed everything up to index 10.
PeerProgress Replicating() {
  PeerProgress peer(Replica(2), LogIndex(11));
  peer.RecordSent(LogIndex(10), 0, 0);
  peer.RecordAck(LogIndex(10));
  return peer;
}

TEST(PeerProgressTest, ProbesWithOneRequestAtATime) {
  PeerProgress peer(Replica(2), LogIndex(11));
  EXPECT_TRUE(peer.probing());
  EXPECT_TRUE(peer.MaySend(Limits(100)));
  peer.RecordSent(LogIndex(13), 3, 30);
  EXPECT_FALSE(peer.MaySend(Limits(100)));
  EXPECT_EQ(peer.next(), LogIndex(11));
  EXPECT_TRUE(peer.RecordAck(LogIndex(13)));
  EXPECT_EQ(peer.state(), PeerState::kReplicate);
  EXPECT_EQ(peer.match(), LogIndex(13));
  EXPECT_EQ(peer.next(), LogIndex(14));
}

TEST(PeerProgressTest, AnAcknowledgementBelowTheProbeDoesNotEndIt) {
  PeerProgress peer(Replica(2), LogIndex(11));
  peer.RecordSent(LogIndex(13), 3, 30);
  EXPECT_TRUE(peer.RecordAck(LogIndex(5)));
  EXPECT_TRUE(peer.probing());
  EXPECT_EQ(peer.next(), LogIndex(11));
}

TEST(PeerProgressTest, AProbeEndsAlsoWhereDamageKeepsItFromCounting) {
  PeerProgress peer(Replica(2), LogIndex(11));
  peer.RecordSent(LogIndex(13), 3, 30);
  peer.RecordAck(LogIndex(5));
  peer.RecordUncounted(LogIndex(9));  // an answer to something else
  EXPECT_TRUE(peer.probing());
  peer.RecordUncounted(LogIndex(10));
  EXPECT_EQ(peer.state(), PeerState::kReplicate);
  EXPECT_EQ(peer.match(), LogIndex(5));
  // Once it is repaired, the acknowledgement of these says so.
  EXPECT_EQ(peer.next(), LogIndex(6));
}

TEST(PeerProgressTest, AFullDiskIsProbedThoughDamageKeepsItFromCounting) {
  PeerProgress peer = Replicating();
  peer.RecordSent(LogIndex(13), 3, 30);
  peer.RecordFull(LogIndex(10));
  peer.RecordUncounted(LogIndex(10));
  EXPECT_TRUE(peer.probing());
}

TEST(PeerProgressTest, StreamsUpToTheWindowInEntriesAndBytes) {
  PeerProgress peer = Replicating();
  peer.RecordSent(LogIndex(13), 3, 30);
  peer.RecordSent(LogIndex(15), 2, 500);
  EXPECT_EQ(peer.in_flight_bytes(), 530u);
  EXPECT_TRUE(peer.MaySend(Limits(6)));
  EXPECT_FALSE(peer.MaySend(Limits(5)));
  EXPECT_FALSE(peer.MaySend(Limits(6, 530)));
  EXPECT_TRUE(peer.RecordAck(LogIndex(13)));
  EXPECT_TRUE(peer.MaySend(Limits(5)));
  EXPECT_FALSE(peer.RecordAck(LogIndex(12)));
  EXPECT_FALSE(peer.RecordAck(LogIndex(13)));
  EXPECT_EQ(peer.match(), LogIndex(13));
}

TEST(PeerProgressTest, ARejectionMovesTheProbeDown) {
  PeerProgress peer(Replica(2), LogIndex(11));
  peer.RecordSent(LogIndex(13), 3, 30);
  EXPECT_TRUE(peer.RecordRejection(LogIndex(10), LogIndex(6)));
  EXPECT_EQ(peer.next(), LogIndex(7));
  EXPECT_TRUE(peer.MaySend(Limits(100)));
  // A hint that leads nowhere still moves it (RAFT.md 19).
  peer.RecordSent(LogIndex(7), 1, 10);
  EXPECT_TRUE(peer.RecordRejection(LogIndex(6), LogIndex(50)));
  EXPECT_EQ(peer.next(), LogIndex(6));
}

// RAFT.md 26.
TEST(PeerProgressTest, AStaleRejectionChangesNothing) {
  PeerProgress peer = Replicating();
  peer.RecordSent(LogIndex(20), 10, 100);
  EXPECT_FALSE(peer.RecordRejection(LogIndex(10), LogIndex(3)));
  EXPECT_FALSE(peer.RecordRejection(LogIndex(21), LogIndex(3)));
  EXPECT_FALSE(peer.probing());
  EXPECT_TRUE(peer.RecordRejection(LogIndex(15), LogIndex(3)));
  EXPECT_TRUE(peer.probing());
  EXPECT_EQ(peer.next(), LogIndex(11));
  EXPECT_EQ(peer.in_flight_bytes(), 0u);
  // The probe is at 10 now; answers to others are stale.
  EXPECT_FALSE(peer.RecordRejection(LogIndex(15), LogIndex(3)));
}

TEST(PeerProgressTest, SendsAgainWhatNobodyAcknowledges) {
  PeerProgress peer = Replicating();
  for (int i = 0; i < 10; ++i) peer.RecordHeartbeat();
  EXPECT_FALSE(peer.probing());  // nothing was in flight
  peer.RecordSent(LogIndex(20), 10, 100);
  peer.RecordHeartbeat();
  peer.RecordHeartbeat();
  EXPECT_TRUE(peer.RecordAck(LogIndex(12)));
  peer.RecordHeartbeat();
  peer.RecordHeartbeat();
  EXPECT_FALSE(peer.probing());
  peer.RecordHeartbeat();
  EXPECT_TRUE(peer.probing());
  EXPECT_EQ(peer.next(), LogIndex(13));
  EXPECT_TRUE(peer.MaySend(Limits(1)));
}

// RELIABILITY.md S10.
TEST(PeerProgressTest, AsksAFullDiskOnceInAHeartbeat) {
  PeerProgress peer = Replicating();
  peer.RecordSent(LogIndex(13), 3, 30);
  peer.RecordSent(LogIndex(15), 2, 20);
  peer.RecordFull(LogIndex(10));
  peer.RecordFull(LogIndex(13));  // to the second request; a hole by now
  EXPECT_TRUE(peer.full());
  EXPECT_EQ(peer.next(), LogIndex(11));
  EXPECT_FALSE(peer.MaySend(Limits(100)));
  // An answer to a heartbeat tells nothing new.
  EXPECT_FALSE(peer.RecordAck(LogIndex(10)));
  EXPECT_FALSE(peer.MaySend(Limits(100)));
  peer.RecordHeartbeat();
  EXPECT_TRUE(peer.MaySend(Limits(100)));
  peer.RecordSent(LogIndex(13), 3, 30);
  EXPECT_FALSE(peer.MaySend(Limits(100)));
  EXPECT_TRUE(peer.RecordAck(LogIndex(13)));
  EXPECT_FALSE(peer.full());
  EXPECT_EQ(peer.state(), PeerState::kReplicate);
}

TEST(PeerProgressTest, GetsNothingWhileItCatchesUp) {
  PeerProgress peer = Replicating();
  peer.RecordSent(LogIndex(13), 3, 30);
  peer.CatchUpFrom(Replica(3));
  EXPECT_EQ(peer.donor(), Replica(3));
  EXPECT_EQ(peer.next(), LogIndex(11));
  EXPECT_FALSE(peer.MaySend(Limits(100)));
  EXPECT_FALSE(peer.RecordRejection(LogIndex(12), LogIndex(3)));
  peer.RecordHeartbeat();
  peer.RecordHeartbeat();
  EXPECT_EQ(peer.silent_heartbeats(), 2u);
  EXPECT_TRUE(peer.RecordAck(LogIndex(500)));
  EXPECT_EQ(peer.silent_heartbeats(), 0u);
  EXPECT_EQ(peer.next(), LogIndex(501));
  EXPECT_EQ(peer.state(), PeerState::kCatchUp);
  peer.Replicate();
  EXPECT_EQ(peer.donor(), std::nullopt);
  EXPECT_EQ(peer.next(), LogIndex(501));
}

TEST(PeerProgressTest, ReceivesABase) {
  PeerProgress peer(Replica(2), LogIndex(11));
  auto base = std::make_shared<LogBase>();
  base->id = At(2, 20);
  peer.SendBase(base);
  EXPECT_EQ(peer.state(), PeerState::kBase);
  ASSERT_NE(peer.base_sender(), nullptr);
  EXPECT_EQ(peer.base_sender()->base().id, At(2, 20));
  EXPECT_FALSE(peer.MaySend(Limits(100)));
  // What it holds of the log is no end of the transfer.
  EXPECT_TRUE(peer.RecordAck(LogIndex(5)));
  EXPECT_EQ(peer.state(), PeerState::kBase);
  EXPECT_TRUE(peer.RecordAck(LogIndex(20)));
  EXPECT_EQ(peer.next(), LogIndex(21));
  peer.Replicate();
  EXPECT_EQ(peer.base_sender(), nullptr);
}

TEST(PeerProgressTest, RoundsAndCommitIndexOnlyGrow) {
  PeerProgress peer = Replicating();
  peer.RecordRound(5);
  peer.RecordRound(3);
  EXPECT_EQ(peer.acknowledged_round(), 5u);
  peer.RecordTold(LogIndex(8));
  peer.RecordTold(LogIndex(4));
  EXPECT_EQ(peer.told_committed(), LogIndex(8));
  peer.RecordBeat(7);
  peer.RecordBeat(6);
  EXPECT_EQ(peer.acknowledged_beat(), 7u);
}

TEST(PeerProgressTest, KeepsItsInvariantUnderAnyAnswers) {
  std::mt19937_64 random(1);
  for (int run = 0; run < 2000; ++run) {
    const LogIndex last(100);
    PeerProgress peer(Replica(2), LogIndex(1 + random() % 100));
    for (int step = 0; step < 50; ++step) {
      const LogIndex match = peer.match();
      switch (random() % 8) {
        case 0:
        case 1:
          if (peer.MaySend(Limits(20)) && peer.next() <= last) {
            const LogIndex end = std::min(last, peer.next() + random() % 5);
            peer.RecordSent(end, end.Next() - peer.next(), random() % 100);
          }
          break;
        case 2:
          peer.RecordFull(LogIndex(random() % 102));
          break;
        case 3:
          peer.CatchUpFrom(Replica(3));
          break;
        case 4:
          peer.Replicate();
          break;
        case 5:
          peer.RecordAck(LogIndex(random() % 101));
          break;
        case 6:
          peer.RecordRejection(LogIndex(random() % 102),
                               LogIndex(random() % 102));
          break;
        default:
          peer.RecordHeartbeat();
      }
      peer.CheckInvariants(last);
      ASSERT_GE(peer.match(), match);
    }
  }
}

}  // namespace
}  // namespace kappa::raft
