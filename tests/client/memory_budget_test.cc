#include "client/cpp/memory_budget.h"

#include <future>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace kappa::client {
namespace {

void Nothing() {}

TEST(MemoryBudgetTest, LetsInWhileLessThanTheMaximumIsUsed) {
  MemoryBudget budget(100);
  EXPECT_TRUE(budget.TryTake(99));
  EXPECT_TRUE(budget.TryTake(500));
  EXPECT_FALSE(budget.TryTake(1));
  EXPECT_EQ(budget.used(), 599u);
  budget.Return(500);
  EXPECT_TRUE(budget.TryTake(1));
  EXPECT_FALSE(budget.TryTake(1));
}

TEST(MemoryBudgetTest, WaitsForAReturn) {
  MemoryBudget budget(10);
  ASSERT_TRUE(budget.Take(10, Nothing));
  std::promise<void> waiting;
  std::future<bool> taken = std::async(std::launch::async, [&] {
    return budget.Take(5, [&] { waiting.set_value(); });
  });
  waiting.get_future().wait();
  budget.Return(10);
  EXPECT_TRUE(taken.get());
  EXPECT_EQ(budget.used(), 5u);
}

TEST(MemoryBudgetTest, CloseEndsWaits) {
  MemoryBudget budget(10);
  ASSERT_TRUE(budget.TryTake(10));
  std::promise<void> waiting;
  std::future<bool> taken = std::async(std::launch::async, [&] {
    return budget.Take(5, [&] { waiting.set_value(); });
  });
  waiting.get_future().wait();
  budget.Close();
  EXPECT_FALSE(taken.get());
}

TEST(MemoryBudgetTest, ManyThreadsNeverHangOrMiscount) {
  MemoryBudget budget(64);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5'000; ++i) {
        ASSERT_TRUE(budget.Take(40, Nothing));
        ASSERT_LE(budget.used(), 64u + 4 * 40u);
        budget.Return(40);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace kappa::client
