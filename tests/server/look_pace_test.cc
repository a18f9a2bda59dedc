#include "server/look_pace.h"

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

TEST(LookPaceTest, LooksSeldomUntilSomethingIsFound) {
  LookPace pace;
  EXPECT_TRUE(pace.IsTime());
  for (int round = 0; round < 2; ++round) {
    for (uint32_t i = 1; i < LookPace::kCallsBetween; ++i) {
      EXPECT_FALSE(pace.IsTime());
    }
    EXPECT_TRUE(pace.IsTime());
  }
  pace.Found();
  EXPECT_TRUE(pace.IsTime());
  EXPECT_FALSE(pace.IsTime());
}

}  // namespace
}  // namespace kappa::server
