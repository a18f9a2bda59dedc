#include "proto/wire/partitioner.h"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace kappa {
namespace {

int32_t JavaMurmur2(std::string_view key) {
  return static_cast<int32_t>(Murmur2(key));
}

// Kafka's UtilsTest.testMurmur2, and values of its Java client that other
// projects publish.
TEST(PartitionerTest, MatchesPublishedValues) {
  EXPECT_EQ(JavaMurmur2("21"), -973932308);
  EXPECT_EQ(JavaMurmur2("foobar"), -790332482);
  EXPECT_EQ(JavaMurmur2("a-little-bit-long-string"), -985981536);
  EXPECT_EQ(JavaMurmur2("a-little-bit-longer-string"), -1486304829);
  EXPECT_EQ(JavaMurmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"),
            -58897971);
  EXPECT_EQ(JavaMurmur2("abc"), 479470107);
  EXPECT_EQ(JavaMurmur2(""), 275646681);
  EXPECT_EQ(JavaMurmur2("12345"), -1188365604);
}

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(
        static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

TEST(PartitionerTest, MatchesTheSharedVectors) {
  std::ifstream file("tests/data/murmur2_vectors.csv");
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  ASSERT_EQ(line, "key_hex,murmur2,partitions,partition");
  int vectors = 0;
  while (std::getline(file, line)) {
    std::vector<std::string> columns;
    std::istringstream stream(line);
    for (std::string column; std::getline(stream, column, ',');) {
      columns.push_back(column);
    }
    ASSERT_EQ(columns.size(), 4u) << line;
    const std::string key = FromHex(columns[0]);
    ASSERT_EQ(JavaMurmur2(key), std::stol(columns[1])) << line;
    ASSERT_EQ(
        PartitionOfKey(key, static_cast<uint32_t>(std::stoul(columns[2]))),
        std::stoul(columns[3]))
        << line;
    ++vectors;
  }
  EXPECT_GE(vectors, 1'000);
}

TEST(PartitionerDeathTest, NoPartitionsIsABug) {
  EXPECT_DEATH(PartitionOfKey("key", 0), "at least one partition");
}

}  // namespace
}  // namespace kappa
