#include "proto/wire/crc32c.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace kappa {
namespace {

std::string RandomBytes(std::mt19937_64& random, size_t bytes) {
  std::string out(bytes, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

// By the definition, one bit at a time.
uint32_t BitwiseCrc32c(std::string_view data) {
  uint32_t crc = ~uint32_t{0};
  for (char c : data) {
    crc ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; ++i) {
      crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
    }
  }
  return ~crc;
}

TEST(Crc32cTest, MatchesPublishedValues) {
  // RFC 3720 B.4, and the check value of the CRC catalogue.
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string ascending;
  for (int i = 0; i < 32; ++i) ascending.push_back(static_cast<char>(i));
  EXPECT_EQ(Crc32c(ascending), 0x46dd794eu);
  EXPECT_EQ(ExtendCrc32cPortable(0, "123456789"), 0xe3069283u);
}

TEST(Crc32cTest, BothVariantsMatchTheDefinition) {
  std::mt19937_64 random(1);
  for (size_t bytes = 0; bytes < 1'000; ++bytes) {
    const std::string data = RandomBytes(random, bytes);
    const uint32_t expected = BitwiseCrc32c(data);
    ASSERT_EQ(Crc32c(data), expected) << bytes;
    ASSERT_EQ(ExtendCrc32cPortable(0, data), expected) << bytes;
  }
}

TEST(Crc32cTest, VariantsAgreeOnEveryAlignmentAndStart) {
  std::mt19937_64 random(2);
  const std::string buffer = RandomBytes(random, 70'000);
  for (int i = 0; i < 20'000; ++i) {
    const size_t at = random() % 64;
    // As many short as long ones; the longest passes every lane width.
    const size_t bytes_max = size_t{1} << (random() % 17);
    const size_t bytes =
        std::min<size_t>(random() % (bytes_max + 1), buffer.size() - at);
    const std::string_view data = std::string_view(buffer).substr(at, bytes);
    const uint32_t start = static_cast<uint32_t>(random());
    ASSERT_EQ(ExtendCrc32c(start, data), ExtendCrc32cPortable(start, data))
        << "at " << at << ", " << bytes << " bytes";
  }
}

TEST(Crc32cTest, LaneBoundariesAgree) {
  std::mt19937_64 random(3);
  for (size_t lane : {64, 512, 4'096}) {
    for (size_t times = 1; times <= 3; ++times) {
      for (int off = -9; off <= 9; ++off) {
        const std::string data = RandomBytes(random, 3 * lane * times + off);
        ASSERT_EQ(Crc32c(data), ExtendCrc32cPortable(0, data)) << data.size();
      }
    }
  }
}

TEST(Crc32cTest, PiecesGiveTheSameAsTheWhole) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 2'000; ++i) {
    auto whole = std::make_shared<const std::string>(
        RandomBytes(random, random() % 3'000));
    Payload::Pieces pieces;
    std::string_view rest = *whole;
    while (!rest.empty()) {
      const size_t bytes = random() % (rest.size() + 1);  // may be empty
      pieces.push_back(rest.substr(0, bytes));
      rest.remove_prefix(bytes);
    }
    ASSERT_EQ(Crc32c(Payload(pieces, whole)), BitwiseCrc32c(*whole));
  }
}

TEST(Crc32cTest, TellsWhichVariantRuns) {
#if defined(__x86_64__)
  const bool fast = __builtin_cpu_supports("sse4.2") != 0 &&
                    __builtin_cpu_supports("pclmul") != 0;
#else
  const bool fast = false;
#endif
  EXPECT_EQ(Crc32cVariant(), fast ? "sse4.2" : "table");
}

}  // namespace
}  // namespace kappa
