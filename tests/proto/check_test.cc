#include "proto/wire/check.h"

#include "gtest/gtest.h"

namespace kappa {
namespace {

TEST(CheckDeathTest, AbortsAndNamesTheRule) {
  const int one = 1;
  EXPECT_DEATH(KAPPA_CHECK(one == 2, "one is two"),
               "check_test.cc:[0-9]+: check failed: one == 2 \\(one is two\\)");
}

TEST(CheckTest, EvaluatesItsConditionOnce) {
  int calls = 0;
  KAPPA_CHECK(++calls == 1, "counted once");
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace kappa
