#include "server/reader_pool.h"

#include <atomic>
#include <memory>

#include "gtest/gtest.h"
#include "server/latch.h"

namespace kappa::server {
namespace {

using storage::ReadClass;

constexpr int64_t kDeadlineUs = 20'000'000;

bool Submit(ReaderPool& pool, ReadClass read_class, ReaderPool::Job job) {
  return pool.Submit(read_class, job);
}

TEST(ReaderPoolTest, ReplaysLeaveAThreadToPoints) {
  ReaderPool pool(2, 100);
  auto release = std::make_shared<Latch>(1);
  auto begun = std::make_shared<Latch>(1);
  std::atomic<int> replays{0};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Submit(pool, ReadClass::kReplay, [&, release, begun] {
      ++replays;
      begun->CountDown();
      release->Wait();
    }));
  }
  ASSERT_TRUE(begun->WaitFor(kDeadlineUs));
  auto point = std::make_shared<Latch>(1);
  ASSERT_TRUE(Submit(pool, ReadClass::kPoint, [point] { point->CountDown(); }));
  EXPECT_TRUE(point->WaitFor(kDeadlineUs));
  EXPECT_EQ(replays.load(), 1);
  EXPECT_EQ(pool.stats().queued_replays, 2u);
  release->CountDown();
}

TEST(ReaderPoolTest, AFullQueueRefusesAndLeavesTheJobAlone) {
  ReaderPool pool(1, 2);
  auto release = std::make_shared<Latch>(1);
  auto begun = std::make_shared<Latch>(1);
  ASSERT_TRUE(Submit(pool, ReadClass::kPoint, [release, begun] {
    begun->CountDown();
    release->Wait();
  }));
  ASSERT_TRUE(begun->WaitFor(kDeadlineUs));
  ASSERT_TRUE(Submit(pool, ReadClass::kPoint, [] {}));
  ASSERT_TRUE(Submit(pool, ReadClass::kPoint, [] {}));
  ReaderPool::Job refused = [] {};
  EXPECT_FALSE(pool.Submit(ReadClass::kPoint, refused));
  EXPECT_TRUE(static_cast<bool>(refused));
  EXPECT_EQ(pool.stats().refusals, 1u);
  // The classes have queues of their own.
  EXPECT_TRUE(Submit(pool, ReadClass::kReplay, [] {}));
  release->CountDown();
}

TEST(ReaderPoolTest, WhatIsQueuedRunsBeforeTheEnd) {
  std::atomic<int> ran{0};
  {
    ReaderPool pool(3, 1000);
    for (int i = 0; i < 500; ++i) {
      ASSERT_TRUE(Submit(pool, ReadClass::kReplay, [&ran] { ++ran; }));
      ASSERT_TRUE(Submit(pool, ReadClass::kPoint, [&ran] { ++ran; }));
    }
  }
  EXPECT_EQ(ran.load(), 1000);
}

}  // namespace
}  // namespace kappa::server
