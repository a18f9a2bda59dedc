#include "server/look_pace.h"

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

TEST(LookPaceTest, LooksSeldomUntilSomethingIsFound) {
  LookPace pace;
  uint64_t changes = 0;
  EXPECT_TRUE(pace.IsTime(changes));
  for (int round = 0; round < 2; ++round) {
    ++changes;
    for (uint32_t i = 1; i < LookPace::kCallsBetween; ++i) {
      EXPECT_FALSE(pace.IsTime(changes));
    }
    EXPECT_TRUE(pace.IsTime(changes));
  }
  pace.Found();
  EXPECT_TRUE(pace.IsTime(changes));
  EXPECT_FALSE(pace.IsTime(changes));
}

TEST(LookPaceTest, LooksMoreSeldomWhereNothingChanges) {
  LookPace pace;
  EXPECT_TRUE(pace.IsTime(7));
  for (int round = 0; round < 2; ++round) {
    for (uint32_t i = 1; i < LookPace::kCallsBetweenAtRest; ++i) {
      EXPECT_FALSE(pace.IsTime(7));
    }
    EXPECT_TRUE(pace.IsTime(7));
  }
  // A change that comes late is looked at soon.
  for (uint32_t i = 1; i < LookPace::kCallsBetweenAtRest; ++i) {
    EXPECT_FALSE(pace.IsTime(7));
  }
  EXPECT_TRUE(pace.IsTime(8));
  EXPECT_FALSE(pace.IsTime(8));
}

}  // namespace
}  // namespace kappa::server
