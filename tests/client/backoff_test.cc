#include "client/cpp/backoff.h"

#include "gtest/gtest.h"

namespace kappa::client {
namespace {

const absl::Status kOverloaded = absl::ResourceExhaustedError("full");
const absl::Status kGone = absl::UnavailableError("gone");

TEST(BackoffTest, DoublesUpToTheMaximumWithJitter) {
  Backoff backoff(absl::Milliseconds(10), absl::Milliseconds(35), 1);
  for (const int ceiling_ms : {10, 20, 35, 35, 35}) {
    const absl::Duration wait = backoff.Next(kOverloaded);
    EXPECT_GE(wait, absl::Milliseconds(ceiling_ms) / 2);
    EXPECT_LE(wait, absl::Milliseconds(ceiling_ms));
  }
}

TEST(BackoffTest, BeginsAnewAfterASuccess) {
  Backoff backoff(absl::Milliseconds(10), absl::Seconds(10), 1);
  for (int i = 0; i < 5; ++i) backoff.Next(kOverloaded);
  backoff.Reset();
  EXPECT_LE(backoff.Next(kOverloaded), absl::Milliseconds(10));
}

TEST(BackoffTest, ClientsDoNotComeBackInStep) {
  Backoff one(absl::Seconds(1), absl::Seconds(1), 1);
  Backoff other(absl::Seconds(1), absl::Seconds(1), 2);
  EXPECT_NE(one.Next(kOverloaded), other.Next(kOverloaded));
}

TEST(BackoffTest, WaitsBrieflyForSomeSecondsWhileNobodyLeads) {
  Backoff backoff(absl::Milliseconds(20), absl::Seconds(2), 1);
  absl::Duration total;
  for (uint32_t i = 0; i < Backoff::kFailoverAttempts; ++i) {
    const absl::Duration wait = backoff.Next(kGone);
    EXPECT_LE(wait, absl::Milliseconds(80));
    total += wait;
  }
  EXPECT_GT(total, absl::Seconds(2));
  for (int i = 0; i < 7; ++i) backoff.Next(kGone);
  EXPECT_GE(backoff.Next(kGone), absl::Seconds(1));
}

TEST(BackoffTest, TheMaximumHoldsAlways) {
  Backoff backoff(absl::Milliseconds(1), absl::Milliseconds(20), 1);
  for (int i = 0; i < 200; ++i) {
    EXPECT_LE(backoff.Next(kGone), absl::Milliseconds(20));
  }
  Backoff slow(absl::Milliseconds(200), absl::Milliseconds(200), 1);
  EXPECT_GE(slow.Next(kGone), absl::Milliseconds(100));
}

}  // namespace
}  // namespace kappa::client
