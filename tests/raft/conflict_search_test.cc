// How many round trips two real cores need to find where their logs part.
#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "raft/core.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

// A log of one common entry and `terms` runs of `run` entries each, in terms
// first, first + 2, first + 4, ...
RestoredState Parted(uint64_t first, uint64_t terms, uint64_t run) {
  RestoredState restored;
  restored.base.configuration = Voters({1, 2});
  restored.term_starts.push_back(At(1, 1));
  restored.last = At(1, 1);
  for (uint64_t n = 0; n < terms; ++n) {
    const EntryId start{Term(first + 2 * n), restored.last.index.Next()};
    restored.term_starts.push_back(start);
    restored.last = EntryId{start.term, restored.last.index + run};
  }
  restored.hard_state.term = restored.last.term;
  return restored;
}

// Two voters; the first campaigns, wins and looks for the last common entry.
class Pair {
 public:
  Pair(RestoredState leader, RestoredState follower)
      : leader_(OptionsOf(1), std::move(leader)),
        follower_(OptionsOf(2), std::move(follower)) {}

  // Round trips until the follower accepts entries; 0 if it never does.
  uint64_t RoundTrips() {
    leader_.Campaign();
    for (int step = 0; step < 200; ++step) {
      Hand(leader_, follower_);
      Hand(follower_, leader_);
      if (accepted_) return round_trips_;
      if (leader_.role() != Role::kLeader) leader_.Tick();
    }
    return 0;
  }
  const Core& follower() const { return follower_; }

 private:
  void Hand(Core& from, Core& to) {
    while (from.HasOutput() && !accepted_) {
      const Output output = from.TakeOutput();
      for (const Message& message : output.messages) Deliver(message, to);
      for (const Persist& persist : output.persists) {
        from.OnPersisted(persist.token);
        for (const Message& message : persist.messages_after) {
          Deliver(message, to);
        }
      }
    }
  }
  void Deliver(const Message& message, Core& to) {
    if (message.type == MessageType::kAppendRequest) {
      probing_ = !message.entries.empty();
    }
    if (message.type == MessageType::kAppendResponse && probing_) {
      ++round_trips_;
      accepted_ = message.granted;
    }
    to.Step(message);
    to.CheckInvariants();
  }

  Core leader_;
  Core follower_;
  uint64_t round_trips_ = 0;
  bool probing_ = false;
  bool accepted_ = false;
};

// Two logs of a million entries, `terms` terms together, in turns.
TEST(ConflictSearchTest, AMillionEntriesAndAThousandTermsTakeFewRoundTrips) {
  Pair pair(Parted(3, 500, 2000), Parted(2, 500, 2000));
  const uint64_t round_trips = pair.RoundTrips();
  RecordProperty("round_trips", static_cast<int>(round_trips));
  EXPECT_GT(round_trips, 0u);
  EXPECT_LE(round_trips, 12u);
  // What conflicts is gone; the search ended at the common entry.
  EXPECT_EQ(pair.follower().TermAt(LogIndex(1)), Term(1));
  EXPECT_EQ(pair.follower().TermAt(LogIndex(2)), Term(3));
}

TEST(ConflictSearchTest, AThousandTermsOnEitherSide) {
  Pair pair(Parted(3, 1000, 1000), Parted(2, 1000, 1000));
  const uint64_t round_trips = pair.RoundTrips();
  EXPECT_GT(round_trips, 0u);
  EXPECT_LE(round_trips, 12u);
}

TEST(ConflictSearchTest, OneLongTermOnOneSide) {
  Pair few(Parted(3003, 1, 1000000), Parted(2, 1000, 1000));
  EXPECT_LE(few.RoundTrips(), 3u);
  Pair many(Parted(3, 1000, 1000), Parted(2, 1, 1000000));
  EXPECT_LE(many.RoundTrips(), 12u);
}

TEST(ConflictSearchTest, AShortLogIsFoundAtOnce) {
  Pair pair(Parted(3, 1000, 1000), Parted(3, 10, 1000));
  EXPECT_LE(pair.RoundTrips(), 2u);
}

}  // namespace
}  // namespace kappa::raft
