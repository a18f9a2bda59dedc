#include "proto/wire/mutex.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace kappa {
namespace {

// A long wait that ends a broken test.
constexpr int64_t kDeadlineUs = 20'000'000;

class Counter {
 public:
  void Add() {
    MutexLock lock(&mutex_);
    ++value_;
    changed_.SignalAll();
  }
  // False when the value is still lower at the deadline.
  bool WaitUntil(int value) {
    MutexLock lock(&mutex_);
    while (value_ < value) {
      if (!changed_.WaitFor(&mutex_, kDeadlineUs)) return false;
    }
    return true;
  }
  void WaitForEver(int value) {
    MutexLock lock(&mutex_);
    while (value_ < value) changed_.Wait(&mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int value_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST(MutexTest, GuardsWhatThreadsShare) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&counter] {
      for (int n = 0; n < 1'000; ++n) counter.Add();
    });
  }
  EXPECT_TRUE(counter.WaitUntil(4'000));
  counter.WaitForEver(4'000);
  for (std::thread& thread : threads) thread.join();
}

TEST(MutexTest, TryLockTellsWhetherItTookTheLock) {
  Mutex mutex;
  ASSERT_TRUE(mutex.TryLock());
  bool taken = true;
  std::thread other([&mutex, &taken]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    taken = mutex.TryLock();
  });
  other.join();
  EXPECT_FALSE(taken);
  mutex.Unlock();
  EXPECT_TRUE(mutex.TryLock());
  mutex.Unlock();
}

TEST(CondVarTest, WaitForEndsAtItsTimeout) {
  Mutex mutex;
  CondVar never;
  MutexLock lock(&mutex);
  // May wake early without a notification, not for ever.
  int early = 0;
  while (never.WaitFor(&mutex, 1'000)) ++early;
  EXPECT_LT(early, 1'000);
}

TEST(CondVarTest, ASignalWakesOneWaiter) {
  Mutex mutex;
  CondVar changed;
  bool ready = false;
  std::thread waiter([&] {
    MutexLock lock(&mutex);
    while (!ready) changed.Wait(&mutex);
  });
  {
    MutexLock lock(&mutex);
    ready = true;
    changed.Signal();
  }
  waiter.join();
}

}  // namespace
}  // namespace kappa
