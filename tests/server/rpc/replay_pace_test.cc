// ReplayPace on a machine of numbers: appends wait the longer the faster
// replays go.
#include "server/rpc/replay_pace.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

constexpr size_t kChunk = 1 << 20;
constexpr int64_t kSecond = 1'000'000;
constexpr double kLeast = 100e6;

class ReplayPaceTest : public testing::Test {
 protected:
  // Replays take chunks as fast as they may for a while, but not faster than
  // `machine_`. Returns the bytes each second.
  double Replay(int64_t duration_us) {
    const int64_t begin_us = now_us_;
    int64_t looked_us = now_us_;
    double bytes = 0;
    double window = 0;
    while (now_us_ < begin_us + duration_us) {
      const ReplayPace::Turn turn = pace_.Take(now_us_, kChunk);
      EXPECT_GE(turn.at_us, now_us_);
      slowed_ = turn.price_us > 0;
      Advance(std::max(turn.at_us - now_us_,
                       static_cast<int64_t>(kChunk / machine_ * 1e6)));
      pace_.Settle(turn, kChunk);
      bytes += kChunk;
      window += kChunk;
      if (now_us_ - looked_us >= 10'000) {
        rate_ = window / static_cast<double>(now_us_ - looked_us) * 1e6;
        looked_us = now_us_;
        window = 0;
      }
    }
    return bytes / static_cast<double>(now_us_ - begin_us) * 1e6;
  }

  // Time passes; each millisecond something is appended.
  void Advance(int64_t by_us) {
    now_us_ += by_us;
    const double cycles = static_cast<double>(by_us) / 1000;
    load_.payload_bytes +=
        static_cast<uint64_t>(appended_ * static_cast<double>(by_us) / 1e6);
    if (!load_.waits.has_value()) return;
    const auto count = static_cast<uint64_t>(std::ceil(cycles));
    load_.waits->count += count;
    load_.waits->waited_us +=
        static_cast<uint64_t>(static_cast<double>(count) * WaitUs());
  }

  // 10 us, and above `harmless_` the more.
  double WaitUs() const {
    return alone_us_ + 100 * std::max(0.0, rate_ / harmless_ - 1);
  }

  // What the machine does.
  double machine_ = 2e9;
  double harmless_ = 1e9;
  double appended_ = 10e6;
  double alone_us_ = 10;

  int64_t now_us_ = 100 * kSecond;
  double rate_ = 0;
  bool slowed_ = false;
  storage::WriterLoad load_{0, storage::ProcessorWaits()};
  ReplayPace pace_{ReplayPaceLimits{30, kLeast}, [this] { return load_; }};
};

TEST_F(ReplayPaceTest, AloneTheyAreNotSlowed) {
  appended_ = 0;
  EXPECT_GT(Replay(2 * kSecond), 0.95 * machine_);
  EXPECT_FALSE(slowed_);
}

TEST_F(ReplayPaceTest, TheySettleWhereAppendsDoNotWait) {
  Replay(kSecond);
  const double settled = Replay(3 * kSecond);
  EXPECT_GT(settled, 0.9 * harmless_);
  EXPECT_LT(settled, 1.3 * harmless_);
  EXPECT_LT(WaitUs(), 60);
}

TEST_F(ReplayPaceTest, AMachineThatBearsThemDoesNotSlowThem) {
  harmless_ = 3e9;
  EXPECT_GT(Replay(3 * kSecond), 0.95 * machine_);
}

TEST_F(ReplayPaceTest, TheyAreLetGoWhenAppendsEnd) {
  Replay(2 * kSecond);
  ASSERT_TRUE(slowed_);
  appended_ = 0;
  Replay(kSecond);
  EXPECT_GT(Replay(kSecond), 0.95 * machine_);
}

TEST_F(ReplayPaceTest, TheyFollowAMachineThatGetsFaster) {
  Replay(2 * kSecond);
  harmless_ = 3e9;
  Replay(2 * kSecond);
  EXPECT_GT(Replay(kSecond), 0.95 * machine_);
}

// Whatever appends wait for, a replay comes to its end.
TEST_F(ReplayPaceTest, NeverBelowTheLeast) {
  harmless_ = 1e6;
  Replay(2 * kSecond);
  const double settled = Replay(2 * kSecond);
  EXPECT_GT(settled, 0.95 * kLeast);
  EXPECT_LT(settled, 1.2 * kLeast);
}

TEST_F(ReplayPaceTest, TwiceAsFastAsWhatIsAppended) {
  harmless_ = 1e6;
  appended_ = 50e6;
  const ReplayPace::Behind one(pace_);
  std::optional<ReplayPace::Behind> another;
  another.emplace(pace_);
  const ReplayPace::Behind third(pace_);
  another.reset();
  Replay(2 * kSecond);
  const double settled = Replay(2 * kSecond);
  EXPECT_GT(settled, 0.9 * 2 * 2 * 50e6);
  EXPECT_LT(settled, 1.2 * 2 * 2 * 50e6);
}

// Where appends wait without replays, too, that is no reason to slow them.
TEST_F(ReplayPaceTest, WhatAppendsWaitWithoutThemCounts) {
  alone_us_ = 200;
  for (int i = 0; i < 2'000; ++i) Advance(1'000);
  Replay(kSecond);
  const double settled = Replay(2 * kSecond);
  EXPECT_GT(settled, 0.9 * harmless_);
}

// Appends that were live before the replays began are no reason to begin
// slowly.
TEST_F(ReplayPaceTest, EachLookSlowsByAFifthAtMost) {
  Replay(100'000);
  for (int i = 0; i < 2'000; ++i) Advance(1'000);
  const double begun = Replay(45'000);
  EXPECT_TRUE(slowed_);
  EXPECT_GT(begun, 0.6 * machine_);
}

// One wait is not what appends wait without replays.
TEST_F(ReplayPaceTest, OneWaitBeforeThemIsNotTheirMeasure) {
  Replay(2 * kSecond);
  const double settled = Replay(kSecond);
  now_us_ += 2 * kSecond;
  load_.waits->count += 1;
  load_.waits->waited_us += 5'000;
  Replay(2 * kSecond);
  EXPECT_NEAR(Replay(kSecond), settled, 0.2 * settled);
}

// An append now and then, each of which waits: the next looks, at which the
// writer has done nothing, judge nobody for it once more.
TEST_F(ReplayPaceTest, OneWaitCountsOnce) {
  appended_ = 0;
  Replay(kSecond);
  now_us_ += 20'000;
  pace_.Take(now_us_, 0);  // what was waited so far is not live
  int64_t next_us = now_us_;
  bool slowed = false;
  for (int i = 0; i < 2'000; ++i) {
    if (now_us_ >= next_us) {
      next_us += 300'000;
      load_.payload_bytes += 100;
      load_.waits->count += 1;
      load_.waits->waited_us += 45;
    }
    const ReplayPace::Turn turn = pace_.Take(now_us_, kChunk);
    slowed |= turn.price_us > 0;
    // 45 us are half too long: a tenth for each of four.
    EXPECT_LT(turn.price_us, kChunk / (0.5 * machine_) * 1e6);
    now_us_ += static_cast<int64_t>(kChunk / machine_ * 1e6);
    pace_.Settle(turn, kChunk);
  }
  EXPECT_TRUE(slowed);
}

TEST_F(ReplayPaceTest, AKernelThatDoesNotTellSlowsNobody) {
  load_.waits.reset();
  EXPECT_GT(Replay(3 * kSecond), 0.95 * machine_);
}

// A chunk costs what it has, not what was thought: of a short partition next to
// nothing, of large batches more.
TEST_F(ReplayPaceTest, WhatIsReadIsPaidFor) {
  harmless_ = 1e6;
  Replay(2 * kSecond);
  for (const size_t read : {size_t{1'000}, 4 * kChunk}) {
    const int64_t begin_us = now_us_;
    for (int i = 0; i < 100; ++i) {
      const ReplayPace::Turn turn = pace_.Take(now_us_, kChunk);
      Advance(turn.at_us - now_us_);
      pace_.Settle(turn, read);
    }
    EXPECT_NEAR(static_cast<double>(now_us_ - begin_us),
                100 * static_cast<double>(read) / kLeast * 1e6, 60'000);
  }
}

TEST(ReplayPaceThreadsTest, TakeAndSettleAtOnce) {
  std::atomic<uint64_t> looks{0};
  ReplayPace pace({.wait_us_max = 30, .bytes_per_s_min = kLeast}, [&looks] {
    // Each time 100 more waits of a millisecond each, and something appended.
    const uint64_t n = ++looks;
    return storage::WriterLoad{
        n * 1'000, storage::ProcessorWaits{n * 100, (n - 1) * 100'000}};
  });
  std::atomic<int64_t> now_us{100 * kSecond};
  std::atomic<bool> slowed{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const ReplayPace::Behind behind(pace);
      for (int i = 0; i < 2'000; ++i) {
        const int64_t at_us = now_us.fetch_add(500);
        const ReplayPace::Turn turn = pace.Take(at_us, kChunk);
        EXPECT_GE(turn.at_us, at_us);
        if (turn.price_us > 0) slowed = true;
        pace.Settle(turn, kChunk / 2);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(slowed);
}

}  // namespace
}  // namespace kappa::server
