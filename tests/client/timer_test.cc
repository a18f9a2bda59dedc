#include "client/cpp/timer.h"

#include <future>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kappa::client {
namespace {

using ::testing::ElementsAre;

TEST(TimerTest, RunsTasksInTheOrderOfTheirTime) {
  Timer timer;
  std::vector<int> order;
  std::promise<void> done;
  const absl::Time start = absl::Now();
  timer.RunAfter(absl::Milliseconds(20), [&] {
    order.push_back(2);
    done.set_value();
  });
  timer.RunAfter(absl::Milliseconds(5), [&] { order.push_back(1); });
  timer.RunAfter(absl::ZeroDuration(), [&] { order.push_back(0); });
  ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(10)),
            std::future_status::ready);
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(20));
  timer.Stop();
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
}

TEST(TimerTest, ATaskMaySetAnother) {
  Timer timer;
  std::promise<void> done;
  timer.RunAfter(absl::ZeroDuration(), [&] {
    timer.RunAfter(absl::ZeroDuration(), [&] { done.set_value(); });
  });
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(10)),
            std::future_status::ready);
}

TEST(TimerTest, StopDropsWhatIsNotDue) {
  bool ran = false;
  {
    Timer timer;
    timer.RunAfter(absl::Hours(1), [&] { ran = true; });
    timer.Stop();
    timer.RunAfter(absl::ZeroDuration(), [&] { ran = true; });
  }
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace kappa::client
