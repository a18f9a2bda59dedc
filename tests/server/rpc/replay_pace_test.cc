// ReplayPace on a machine of numbers: appends wait the longer the faster
// replays go.
#include "server/rpc/replay_pace.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

constexpr size_t kChunk = 1 << 20;
constexpr int64_t kSecond = 1'000'000;

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
      const int64_t at_us = pace_.Take(now_us_, kChunk, replays_);
      EXPECT_GE(at_us, now_us_);
      Advance(std::max(at_us - now_us_,
                       static_cast<int64_t>(kChunk / machine_ * 1e6)));
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
  size_t replays_ = 10;

  int64_t now_us_ = 100 * kSecond;
  double rate_ = 0;
  storage::WriterLoad load_{0, storage::ProcessorWaits()};
  ReplayPace pace_{ReplayPaceLimits{30, 256e6}, [this] { return load_; }};
};

TEST_F(ReplayPaceTest, AloneTheyAreNotSlowed) {
  appended_ = 0;
  EXPECT_GT(Replay(2 * kSecond), 0.95 * machine_);
  EXPECT_TRUE(std::isinf(pace_.bytes_per_s()));
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
  ASSERT_LT(pace_.bytes_per_s(), machine_);
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
  EXPECT_GT(settled, 0.95 * 256e6);
  EXPECT_LT(settled, 1.2 * 256e6);
}

TEST_F(ReplayPaceTest, TwiceAsFastAsWhatIsAppended) {
  harmless_ = 1e6;
  appended_ = 50e6;
  Replay(2 * kSecond);
  const double settled = Replay(2 * kSecond);
  EXPECT_GT(settled, 0.9 * 2 * 10 * 50e6);
  EXPECT_LT(settled, 1.2 * 2 * 10 * 50e6);
}

// Where appends wait without replays, too, that is no reason to slow them.
TEST_F(ReplayPaceTest, WhatAppendsWaitWithoutThemCounts) {
  alone_us_ = 200;
  Replay(kSecond / 10);
  for (int i = 0; i < 2'000; ++i) Advance(1'000);
  Replay(kSecond);
  const double settled = Replay(2 * kSecond);
  EXPECT_GT(settled, 0.9 * harmless_);
}

TEST_F(ReplayPaceTest, AKernelThatDoesNotTellSlowsNobody) {
  load_.waits.reset();
  EXPECT_GT(Replay(3 * kSecond), 0.95 * machine_);
}

// A chunk of a short partition costs what it has, not what was asked for.
TEST_F(ReplayPaceTest, WhatIsReturnedIsNotPaidFor) {
  harmless_ = 1e6;
  Replay(2 * kSecond);
  const int64_t begin_us = now_us_;
  for (int i = 0; i < 1'000; ++i) {
    now_us_ = std::max(now_us_, pace_.Take(now_us_, kChunk, replays_));
    pace_.Return(kChunk - 1'000);
  }
  EXPECT_LT(now_us_ - begin_us, kSecond / 10);
}

}  // namespace
}  // namespace kappa::server
