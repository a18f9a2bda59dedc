#include "server/rpc/task_pool.h"

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "proto/wire/clock.h"
#include "proto/wire/mutex.h"
#include "server/rpc/pump_gate.h"

namespace kappa::server {
namespace {

TEST(TaskPoolTest, RunsEveryTaskOnce) {
  SystemClock clock;
  std::atomic<int> sum{0};
  TaskPool pool(3, &clock);
  for (int i = 1; i <= 1000; ++i) {
    pool.Post([&sum, i] { sum += i; });
  }
  pool.Stop();
  EXPECT_EQ(sum.load(), 500'500);
}

TEST(TaskPoolTest, DelayedTasksRunInTheOrderOfTheirTime) {
  SystemClock clock;
  TaskPool pool(1, &clock);
  const int64_t now_us = clock.MonotonicUs();
  Mutex mutex;
  std::vector<int> order;
  std::promise<void> last;
  const auto note = [&](int n) {
    return [&, n] {
      EXPECT_GE(clock.MonotonicUs(), now_us + n * 1000);
      {
        MutexLock lock(&mutex);
        order.push_back(n);
      }
      if (n == 60) last.set_value();
    };
  };
  pool.PostAt(now_us + 60'000, note(60));
  pool.PostAt(now_us + 20'000, note(20));
  pool.PostAt(now_us + 40'000, note(40));
  last.get_future().wait();
  pool.Stop();
  EXPECT_EQ(order, (std::vector<int>{20, 40, 60}));
}

TEST(TaskPoolTest, StopDropsWhatIsDelayedAndLater) {
  SystemClock clock;
  auto kept = std::make_shared<int>(0);
  TaskPool pool(1, &clock);
  pool.PostAt(clock.MonotonicUs() + 3'600'000'000, [kept] { ++*kept; });
  pool.Stop();
  pool.Post([kept] { ++*kept; });
  EXPECT_EQ(*kept, 0);
  EXPECT_EQ(kept.use_count(), 1);
}

TEST(PumpGateTest, NoRequestIsLostAndNoTwoStepsOverlap) {
  PumpGate gate;
  std::atomic<int> inside{0};
  std::atomic<int> wanted{0};
  int done = 0;  // guarded by the gate
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        ++wanted;
        gate.Run([&] {
          EXPECT_EQ(++inside, 1);
          done = wanted.load();
          --inside;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, 80'000);
}

TEST(PumpGateTest, AStepMayAskForAnother) {
  PumpGate gate;
  int steps = 0;
  std::function<void()> step = [&] {
    if (++steps < 5) gate.Run(step);
  };
  gate.Run(step);
  EXPECT_EQ(steps, 5);
}

}  // namespace
}  // namespace kappa::server
