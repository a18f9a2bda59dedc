#include "server/log_bytes.h"

#include <cstdint>
#include <optional>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

// Entries behind `last`, each of `payload_bytes`.
void Append(LogBytes* bytes, uint64_t last, uint64_t entries,
            uint64_t payload_bytes) {
  for (uint64_t i = 1; i <= entries; ++i) {
    bytes->OnAppended(LogIndex(last + i), payload_bytes);
  }
}

TEST(LogBytesTest, FewEntriesAreExact) {
  LogBytes bytes{LogIndex(0)};
  for (uint64_t i = 1; i <= 10; ++i) bytes.OnAppended(LogIndex(i), i * 100);
  EXPECT_EQ(bytes.Between(LogIndex(0), LogIndex(10)), 5'500u);
  EXPECT_EQ(bytes.Between(LogIndex(7), LogIndex(9)), 1'700u);
  EXPECT_EQ(bytes.Between(LogIndex(10), LogIndex(10)), 0u);
  EXPECT_EQ(bytes.Between(LogIndex(10), LogIndex(7)), 0u);
}

TEST(LogBytesTest, ManyEntriesAreAboutRight) {
  LogBytes bytes{LogIndex(0)};
  Append(&bytes, 0, 100'000, 100);
  Append(&bytes, 100'000, 100'000, 1'000);
  EXPECT_EQ(bytes.Between(LogIndex(0), LogIndex(200'000)), 110'000'000u);
  // Within what lies between two samples.
  EXPECT_NEAR(
      static_cast<double>(*bytes.Between(LogIndex(0), LogIndex(100'000))), 10e6,
      25'000 * 900);
  EXPECT_NEAR(
      static_cast<double>(*bytes.Between(LogIndex(150'000), LogIndex(200'000))),
      50e6, 1e3);
}

TEST(LogBytesTest, WhatIsNotKnownCountsAsTheRest) {
  LogBytes bytes{LogIndex(1'000)};
  EXPECT_EQ(bytes.Between(LogIndex(0), LogIndex(1'000)), std::nullopt);
  Append(&bytes, 1'000, 10, 50);
  EXPECT_EQ(bytes.Between(LogIndex(900), LogIndex(1'010)), 5'500u);
  EXPECT_EQ(bytes.Between(LogIndex(900), LogIndex(950)), 2'500u);
}

TEST(LogBytesTest, WhatIsCutOffCountsNoMore) {
  LogBytes bytes{LogIndex(0)};
  Append(&bytes, 0, 10, 100);
  bytes.OnTruncated(LogIndex(8));
  Append(&bytes, 7, 3, 1'000);
  EXPECT_EQ(bytes.Between(LogIndex(0), LogIndex(10)), 3'700u);
  bytes.OnTruncated(LogIndex(11));
  EXPECT_EQ(bytes.Between(LogIndex(0), LogIndex(10)), 3'700u);
  bytes.OnTruncated(LogIndex(1));
  EXPECT_EQ(bytes.Between(LogIndex(0), LogIndex(1)), std::nullopt);
  Append(&bytes, 0, 1, 7);
  EXPECT_EQ(bytes.Between(LogIndex(0), LogIndex(1)), 7u);
}

TEST(LogBytesTest, ALogIsCutAndGrowsAgainAndAgain) {
  LogBytes bytes{LogIndex(5)};
  uint64_t last = 5;
  for (int round = 0; round < 200; ++round) {
    Append(&bytes, last, 37, 10);
    last += 37;
    bytes.OnTruncated(LogIndex(last - 4));
    last -= 5;
  }
  EXPECT_EQ(bytes.Between(LogIndex(5), LogIndex(last)), (last - 5) * 10);
}

}  // namespace
}  // namespace kappa::server
