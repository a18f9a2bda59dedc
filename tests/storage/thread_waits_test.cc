#include "storage/thread_waits.h"

#include <sched.h>

#include <atomic>
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
  std::optional<ProcessorWaits> now = waits.Read();
  ASSERT_TRUE(now.has_value());
  const ProcessorWaits before = *now;
  // Its turn comes again and again, at the latest after some milliseconds.
  while (now.has_value() && now->waited_us < before.waited_us + 10'000) {
    std::this_thread::yield();
    now = waits.Read();
  }
  ASSERT_TRUE(now.has_value());
  EXPECT_GT(now->count, before.count);
  end = true;
  looked_at.join();
  other.join();
  EXPECT_FALSE(waits.Read().has_value()) << "of a thread that is gone";
}

}  // namespace
}  // namespace kappa::storage
