#include "storage/thread_waits.h"

#include <sched.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "gtest/gtest.h"

namespace kappa::storage {
namespace {

TEST(ThreadWaitsTest, NothingBeforeItsThreadBegins) {
  EXPECT_FALSE(ThreadWaits().Read().has_value());
}

// Two threads that never rest, on one processor.
TEST(ThreadWaitsTest, TellsThatAThreadWaits) {
  ThreadWaits waits;
  std::atomic<bool> begun{false};
  std::atomic<bool> end{false};
  const int processor = sched_getcpu();
  const auto spin = [&](ThreadWaits* looked_at) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    EXPECT_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
    if (looked_at != nullptr) {
      looked_at->BeginHere();
      begun = true;
    }
    while (!end) {
    }
  };
  std::thread looked_at(spin, &waits);
  std::thread other(spin, nullptr);
  while (!begun) std::this_thread::yield();
  const std::optional<ProcessorWaits> before = waits.Read();
  std::optional<ProcessorWaits> now = before;
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(30);
  // Its turn comes again and again, at the latest after some milliseconds.
  while (now.has_value() && now->waited_us < before->waited_us + 10'000 &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
    now = waits.Read();
  }
  end = true;
  looked_at.join();
  other.join();
  if (!before.has_value()) GTEST_SKIP() << "this kernel does not tell";
  ASSERT_TRUE(now.has_value());
  EXPECT_GE(now->waited_us, before->waited_us + 10'000);
  EXPECT_GT(now->count, before->count);
}

}  // namespace
}  // namespace kappa::storage
