#include "client/cpp/backoff.h"

#include "gtest/gtest.h"

namespace kappa::client {
namespace {

TEST(BackoffTest, DoublesUpToTheMaximumWithJitter) {
  Backoff backoff(absl::Milliseconds(10), absl::Milliseconds(35), 1);
  for (const int ceiling_ms : {10, 20, 35, 35, 35}) {
    const absl::Duration wait = backoff.Next();
    EXPECT_GE(wait, absl::Milliseconds(ceiling_ms) / 2);
    EXPECT_LE(wait, absl::Milliseconds(ceiling_ms));
  }
}

TEST(BackoffTest, BeginsAnewAfterASuccess) {
  Backoff backoff(absl::Milliseconds(10), absl::Seconds(10), 1);
  for (int i = 0; i < 5; ++i) backoff.Next();
  backoff.Reset();
  EXPECT_LE(backoff.Next(), absl::Milliseconds(10));
}

TEST(BackoffTest, ClientsDoNotComeBackInStep) {
  Backoff one(absl::Seconds(1), absl::Seconds(1), 1);
  Backoff other(absl::Seconds(1), absl::Seconds(1), 2);
  EXPECT_NE(one.Next(), other.Next());
}

}  // namespace
}  // namespace kappa::client
