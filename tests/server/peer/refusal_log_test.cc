#include "server/peer/refusal_log.h"

#include <string>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

TEST(RefusalLogTest, TheSameReasonNowAndThen) {
  RefusalLog log;
  EXPECT_TRUE(log.ShallLog("another cluster", 0));
  EXPECT_FALSE(log.ShallLog("another cluster", 1));
  EXPECT_TRUE(log.ShallLog("another version", 2)) << "another reason";
  EXPECT_FALSE(log.ShallLog("another cluster", RefusalLog::kPeriodUs - 1));
  EXPECT_TRUE(log.ShallLog("another cluster", RefusalLog::kPeriodUs));
  EXPECT_FALSE(log.ShallLog("another cluster", RefusalLog::kPeriodUs + 1));
}

TEST(RefusalLogTest, RemembersABoundedNumber) {
  RefusalLog log;
  for (size_t i = 0; i < 10 * RefusalLog::kReasonsMax; ++i) {
    EXPECT_TRUE(log.ShallLog(std::to_string(i), 0));
    EXPECT_FALSE(log.ShallLog(std::to_string(i), 0));
  }
  EXPECT_TRUE(log.ShallLog("0", 0)) << "forgotten";
}

}  // namespace
}  // namespace kappa::server
