#include "server/peer/receive_window.h"

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

TEST(ReceiveWindowTest, ShutsAtItsLimitAndOpensOnce) {
  int opened = 0;
  auto window = std::make_shared<ReceiveWindow>(100);
  window->CallWhenOpen([&] { ++opened; });
  ReceiveCredit a = window->Take(60);
  EXPECT_TRUE(window->open());
  ReceiveCredit b = window->Take(60);
  EXPECT_FALSE(window->open());
  ReceiveCredit c = window->Take(5);
  c.Release();
  EXPECT_EQ(opened, 0) << "still shut";
  a.Release();
  a.Release();
  EXPECT_EQ(opened, 1);
  EXPECT_TRUE(window->open());
  b.Release();
  EXPECT_EQ(opened, 1) << "it was open";
  EXPECT_EQ(window->taken_bytes(), 0u);
}

TEST(ReceiveWindowTest, CreditsAreGivenBackExactlyOnce) {
  auto window = std::make_shared<ReceiveWindow>(100);
  {
    ReceiveCredit a = window->Take(10);
    ReceiveCredit moved = std::move(a);
    ReceiveCredit b = window->Take(20);
    b = std::move(moved);
    EXPECT_EQ(window->taken_bytes(), 10u);
  }
  EXPECT_EQ(window->taken_bytes(), 0u);
}

TEST(ReceiveWindowTest, CreditsMayOutliveTheStream) {
  std::atomic<int> opened{0};
  ReceiveCredit credit;
  {
    auto window = std::make_shared<ReceiveWindow>(1);
    window->CallWhenOpen([&] { ++opened; });
    credit = window->Take(5);
  }
  credit.Release();
  EXPECT_EQ(opened, 1);
}

TEST(ReceiveWindowTest, TellsWhoeverListensNow) {
  int first = 0;
  int second = 0;
  auto window = std::make_shared<ReceiveWindow>(10);
  window->Take(10);  // nobody listens
  window->CallWhenOpen([&] { ++first; });
  ReceiveCredit credit = window->Take(10);
  window->CallWhenOpen([&] { ++second; });
  credit.Release();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
}

TEST(ReceiveWindowTest, EveryShutWindowOpensAgain) {
  std::atomic<int> opened{0};
  auto window = std::make_shared<ReceiveWindow>(10);
  window->CallWhenOpen([&] { ++opened; });
  int shut = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back(
          [credit = window->Take(4)]() mutable { credit.Release(); });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_TRUE(window->open());
    ReceiveCredit all = window->Take(10);
    shut += window->open() ? 0 : 1;
  }
  EXPECT_GE(opened, 200);
  EXPECT_EQ(shut, 200);
}

}  // namespace
}  // namespace kappa::server
