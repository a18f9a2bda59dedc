#include "raft/peer_progress.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

// A peer that has confirmed everything up to index 10.
PeerProgress Replicating() {
  PeerProgress peer(Replica(2), LogIndex(11));
  peer.RecordSent(LogIndex(10));
  peer.RecordAck(LogIndex(10));
  return peer;
}

TEST(PeerProgressTest, ProbesWithOneRequestAtATime) {
  PeerProgress peer(Replica(2), LogIndex(11));
  EXPECT_TRUE(peer.probing());
  EXPECT_TRUE(peer.MaySend(100));
  peer.RecordSent(LogIndex(13));
  EXPECT_FALSE(peer.MaySend(100));
  EXPECT_EQ(peer.next(), LogIndex(11));
  EXPECT_TRUE(peer.RecordAck(LogIndex(13)));
  EXPECT_FALSE(peer.probing());
  EXPECT_EQ(peer.match(), LogIndex(13));
  EXPECT_EQ(peer.next(), LogIndex(14));
}

TEST(PeerProgressTest, AnAcknowledgementBelowTheProbeDoesNotEndIt) {
  PeerProgress peer(Replica(2), LogIndex(11));
  peer.RecordSent(LogIndex(13));
  EXPECT_TRUE(peer.RecordAck(LogIndex(5)));
  EXPECT_TRUE(peer.probing());
  EXPECT_EQ(peer.next(), LogIndex(11));
}

TEST(PeerProgressTest, StreamsUpToTheWindow) {
  PeerProgress peer = Replicating();
  peer.RecordSent(LogIndex(13));
  EXPECT_EQ(peer.in_flight_entries(), 3u);
  EXPECT_TRUE(peer.MaySend(4));
  EXPECT_FALSE(peer.MaySend(3));
  EXPECT_TRUE(peer.RecordAck(LogIndex(12)));
  EXPECT_TRUE(peer.MaySend(3));
  EXPECT_FALSE(peer.RecordAck(LogIndex(12)));
  EXPECT_FALSE(peer.RecordAck(LogIndex(11)));
  EXPECT_EQ(peer.match(), LogIndex(12));
}

TEST(PeerProgressTest, ARejectionMovesTheProbeDown) {
  PeerProgress peer(Replica(2), LogIndex(11));
  peer.RecordSent(LogIndex(13));
  EXPECT_TRUE(peer.RecordRejection(LogIndex(10), LogIndex(6)));
  EXPECT_EQ(peer.next(), LogIndex(7));
  EXPECT_TRUE(peer.MaySend(100));
  // A hint that leads nowhere still moves it (RAFT.md 19).
  peer.RecordSent(LogIndex(7));
  EXPECT_TRUE(peer.RecordRejection(LogIndex(6), LogIndex(50)));
  EXPECT_EQ(peer.next(), LogIndex(6));
}

// RAFT.md 26.
TEST(PeerProgressTest, AStaleRejectionChangesNothing) {
  PeerProgress peer = Replicating();
  peer.RecordSent(LogIndex(20));
  EXPECT_FALSE(peer.RecordRejection(LogIndex(10), LogIndex(3)));
  EXPECT_FALSE(peer.RecordRejection(LogIndex(21), LogIndex(3)));
  EXPECT_FALSE(peer.probing());
  EXPECT_TRUE(peer.RecordRejection(LogIndex(15), LogIndex(3)));
  EXPECT_TRUE(peer.probing());
  EXPECT_EQ(peer.next(), LogIndex(11));
  // The probe is at 10 now; answers to others are stale.
  EXPECT_FALSE(peer.RecordRejection(LogIndex(15), LogIndex(3)));
}

TEST(PeerProgressTest, SendsAgainWhatNobodyAcknowledges) {
  PeerProgress peer = Replicating();
  for (int i = 0; i < 10; ++i) peer.RecordHeartbeat();
  EXPECT_FALSE(peer.probing());  // nothing was in flight
  peer.RecordSent(LogIndex(20));
  peer.RecordHeartbeat();
  peer.RecordHeartbeat();
  EXPECT_TRUE(peer.RecordAck(LogIndex(12)));
  peer.RecordHeartbeat();
  peer.RecordHeartbeat();
  EXPECT_FALSE(peer.probing());
  peer.RecordHeartbeat();
  EXPECT_TRUE(peer.probing());
  EXPECT_EQ(peer.next(), LogIndex(13));
  EXPECT_TRUE(peer.MaySend(1));
}

TEST(PeerProgressTest, RoundsAndCommitIndexOnlyGrow) {
  PeerProgress peer = Replicating();
  peer.RecordRound(5);
  peer.RecordRound(3);
  EXPECT_EQ(peer.acknowledged_round(), 5u);
  peer.RecordTold(LogIndex(8));
  peer.RecordTold(LogIndex(4));
  EXPECT_EQ(peer.told_committed(), LogIndex(8));
}

TEST(PeerProgressTest, KeepsItsInvariantUnderAnyAnswers) {
  std::mt19937_64 random(1);
  for (int run = 0; run < 2000; ++run) {
    const LogIndex last(100);
    PeerProgress peer(Replica(2), LogIndex(1 + random() % 100));
    for (int step = 0; step < 50; ++step) {
      const LogIndex match = peer.match();
      switch (random() % 4) {
        case 0:
          if (peer.MaySend(20)) {
            peer.RecordSent(std::min(last, peer.next() + random() % 5));
          }
          break;
        case 1:
          peer.RecordAck(LogIndex(random() % 101));
          break;
        case 2:
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
