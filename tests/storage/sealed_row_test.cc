#include "storage/sealed_row.h"

#include <random>
#include <string>

#include "gtest/gtest.h"

namespace kappa::storage {
namespace {

SealedRow RandomRow(std::mt19937_64* random) {
  SealedRow row;
  row.segment = SegmentNumber((*random)() >> 32);
  row.generation = static_cast<uint32_t>((*random)());
  const size_t files = 1 + (*random)() % 4;
  for (size_t i = 0; i < files; ++i) {
    row.files.push_back({std::to_string(i) + ".sst", (*random)(),
                         static_cast<uint32_t>((*random)()),
                         ReplicaNumber((*random)()), LogIndex((*random)()),
                         ReplicaNumber((*random)()), LogIndex((*random)())});
  }
  uint64_t number = 0;
  for (size_t i = (*random)() % 50; i > 0; --i) {
    number += 1 + (*random)() % 1000;
    row.replicas.push_back(
        {ReplicaNumber(number),
         ReplicaNumber((*random)() % 3 == 0 ? (*random)() : number),
         {LogIndex((*random)()), Offset((*random)()),
          static_cast<int64_t>((*random)())},
         (*random)(),
         (*random)()});
  }
  for (size_t i = (*random)() % 50; i > 0; --i) {
    const uint64_t first = (*random)() >> 1;
    row.runs.push_back({ReplicaNumber((*random)()),
                        static_cast<uint32_t>((*random)() % files),
                        LogIndex(first), LogIndex(first + (*random)() % 1000)});
  }
  return row;
}

TEST(SealedRowTest, RandomRowsComeBackEqual) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    const SealedRow row = RandomRow(&random);
    const auto decoded = DecodeSealedRow(EncodeSealedRow(row));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_EQ(*decoded, row);
  }
}

TEST(SealedRowTest, EveryFlippedBitIsDamage) {
  std::mt19937_64 random(4);
  const std::string good = EncodeSealedRow(RandomRow(&random));
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(DecodeSealedRow(bad).status().code(),
              absl::StatusCode::kDataLoss);
  }
}

// Whole by its checksum, but nothing that Kappa writes.
TEST(SealedRowTest, NumbersThatCannotBeAreDamage) {
  SealedRow row;
  row.segment = kSegmentNumberMax;
  EXPECT_TRUE(DecodeSealedRow(EncodeSealedRow(row)).ok());
  row.segment = SegmentNumber(kSegmentNumberMax.value() + 1);
  EXPECT_EQ(DecodeSealedRow(EncodeSealedRow(row)).status().code(),
            absl::StatusCode::kDataLoss);

  row.segment = SegmentNumber(1);
  row.files.resize(1);
  row.runs = {{ReplicaNumber(1), 0, LogIndex(5), LogIndex(9)}};
  EXPECT_TRUE(DecodeSealedRow(EncodeSealedRow(row)).ok());
  row.runs[0].last = LogIndex(4);
  EXPECT_EQ(DecodeSealedRow(EncodeSealedRow(row)).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(SealedRowTest, ReplicasOfOneNodeTakeFewBytes) {
  SealedRow row;
  for (uint64_t i = 1; i <= 10'000; ++i) {
    row.replicas.push_back({ReplicaNumber(i),
                            ReplicaNumber(i),
                            {LogIndex(100'000 + i), Offset(3'000'000 * i),
                             1'700'000'000'000'000 + static_cast<int64_t>(i)},
                            800,
                            800'000});
  }
  EXPECT_LT(EncodeSealedRow(row).size(), 10'000u * 20);
}

TEST(DirectoryRowTest, ComesBackEqualAndDamageIsSeen) {
  const DirectoryRow row{LogIndex(5), Offset(~uint64_t{0}), -7};
  std::string bytes = EncodeDirectoryRow(row);
  EXPECT_EQ(*DecodeDirectoryRow(bytes), row);
  bytes[3] ^= 1;
  EXPECT_EQ(DecodeDirectoryRow(bytes).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(SealedFolderNameTest, SortsAsTheNumbersDo) {
  EXPECT_EQ(SealedFolderName(SegmentNumber(0xa7), 3), "00000000000000a7-3");
}

}  // namespace
}  // namespace kappa::storage
