#include "raft/succession.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "raft/leadership_transfer.h"
#include "raft/write_stall.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

Successor Peer(uint64_t node, uint64_t match, uint8_t priority = 3) {
  Successor peer;
  peer.status.id = Replica(node);
  peer.status.voter = true;
  peer.status.active = true;
  peer.status.match = LogIndex(match);
  peer.priority = priority;
  return peer;
}

TEST(SuccessionTest, TheBestIsAliveThenAheadThenPreferred) {
  EXPECT_EQ(BestSuccessor({}), std::nullopt);
  EXPECT_EQ(BestSuccessor({Peer(2, 5), Peer(3, 6), Peer(4, 6)}), Replica(3));
  EXPECT_EQ(BestSuccessor({Peer(2, 6, 1), Peer(3, 6, 2)}), Replica(3));
  std::vector<Successor> peers = {Peer(2, 9), Peer(3, 8), Peer(4, 7),
                                  Peer(5, 6)};
  peers[0].status.active = false;
  peers[1].status.voter = false;
  peers[2].status.full = true;
  EXPECT_EQ(BestSuccessor(peers), Replica(5));
  peers.pop_back();
  EXPECT_EQ(BestSuccessor(peers), std::nullopt);
  EXPECT_TRUE(AnyVoterActive(peers));
  peers.pop_back();
  EXPECT_FALSE(AnyVoterActive(peers));
}

TEST(SuccessionTest, NotOneThatIsUnfitAndRatherOneThatWasHeardLately) {
  std::vector<Successor> peers = {Peer(2, 9), Peer(3, 8), Peer(4, 7)};
  peers[0].fit = false;
  peers[1].heard_lately = false;
  EXPECT_EQ(BestSuccessor(peers), Replica(4));
  peers[2].fit = false;
  EXPECT_EQ(BestSuccessor(peers), Replica(3));
  peers[1].fit = false;
  EXPECT_EQ(BestSuccessor(peers), std::nullopt);
  EXPECT_TRUE(AnyVoterActive(peers));
}

TEST(SuccessionTest, AHigherPriorityLeadsAfterKeepingUpForAnElectionTime) {
  PriorityWatch watch;
  uint64_t now = 0;
  std::optional<ReplicaId> found;
  for (; now < 10; ++now) {
    found = watch.Beat({Peer(2, now, 3), Peer(3, now, 1)}, 1, LogIndex(now),
                       now, 10);
    EXPECT_EQ(found, std::nullopt);
  }
  found =
      watch.Beat({Peer(2, now, 3), Peer(3, now, 1)}, 1, LogIndex(now), now, 10);
  EXPECT_EQ(found, Replica(2));
  // Not again at once.
  EXPECT_EQ(watch.Beat({Peer(2, now, 3)}, 1, LogIndex(now), now + 1, 10),
            std::nullopt);
}

TEST(SuccessionTest, WhoFallsBehindBeginsAnew) {
  PriorityWatch watch;
  for (uint64_t now = 0; now < 30; ++now) {
    const uint64_t match = now % 8 == 7 ? 0 : now;
    EXPECT_EQ(watch.Beat({Peer(2, match, 3)}, 1, LogIndex(now), now, 10),
              std::nullopt);
  }
}

TEST(LeadershipTransferTest, CallsOnceTheTargetHasEverythingAndAgainByBeats) {
  LeadershipTransfer transfer(Replica(2), 20, false);
  EXPECT_FALSE(transfer.Due(LogIndex(4), LogIndex(5)));
  EXPECT_TRUE(transfer.Due(LogIndex(5), LogIndex(5)));
  transfer.RecordTold();
  EXPECT_FALSE(transfer.Due(LogIndex(5), LogIndex(5)));
  transfer.RecordHeartbeat();
  EXPECT_TRUE(transfer.Due(LogIndex(5), LogIndex(5)));
  EXPECT_FALSE(transfer.Expired(19));
  EXPECT_TRUE(transfer.Expired(20));
}

TEST(WriteStallTest, CountsTicksWithoutProgress) {
  WriteStall stall;
  stall.Tick(/*idle=*/false, 0);
  stall.Tick(false, 0);
  EXPECT_EQ(stall.waited_ticks(), 2u);
  stall.Tick(false, 1);
  EXPECT_EQ(stall.waited_ticks(), 0u);
  stall.Tick(false, 1);
  EXPECT_EQ(stall.waited_ticks(), 1u);
  stall.Tick(true, 1);
  EXPECT_EQ(stall.waited_ticks(), 0u);
}

}  // namespace
}  // namespace kappa::raft
