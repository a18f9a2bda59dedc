#include "client/cpp/batch_records.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/wire/crc32c.h"

namespace kappa::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A batch of values "0", "1", ... at offset 100, in pieces of `piece_bytes`.
DeliveredBatchView MakeBatch(uint32_t records, size_t piece_bytes,
                             Codec codec = Codec::kNone) {
  RecordSetEncoder encoder;
  for (uint32_t i = 0; i < records; ++i) {
    encoder.Add({.value = std::to_string(i)});
  }
  auto bytes =
      std::make_shared<const std::string>(*Compress(codec, encoder.Take()));
  Payload::Pieces pieces;
  for (size_t i = 0; i < bytes->size(); i += piece_bytes) {
    pieces.push_back(std::string_view(*bytes).substr(i, piece_bytes));
  }
  DeliveredBatchView batch;
  batch.base_offset = 100;
  batch.record_count = records;
  batch.codec = codec;
  batch.payload_crc32c = Crc32c(*bytes);
  batch.payload = Payload(std::move(pieces), bytes);
  batch.last_record = records - 1;
  return batch;
}

std::vector<std::pair<uint64_t, std::string>> ReadAll(BatchRecords* records) {
  std::vector<std::pair<uint64_t, std::string>> all;
  while (records->Next()) {
    all.emplace_back(records->offset(), std::string(*records->record().value));
  }
  return all;
}

TEST(BatchRecordsTest, ReadsAllRecordsWhateverThePieces) {
  BatchRecords records;
  for (const size_t piece_bytes : {1, 3, 1000}) {
    for (const Codec codec : {Codec::kNone, Codec::kZstd, Codec::kLz4}) {
      ASSERT_TRUE(records.Load(MakeBatch(3, piece_bytes, codec), true).ok());
      EXPECT_EQ(records.record_count(), 3u);
      EXPECT_THAT(ReadAll(&records),
                  ElementsAre(std::pair(100, "0"), std::pair(101, "1"),
                              std::pair(102, "2")));
      EXPECT_TRUE(records.status().ok());
    }
  }
}

TEST(BatchRecordsTest, ReadsOnlyWhatWasAskedFor) {
  BatchRecords records;
  DeliveredBatchView batch = MakeBatch(5, 1000);
  batch.first_record = 1;
  batch.last_record = 2;
  ASSERT_TRUE(records.Load(batch, /*whole=*/true).ok());
  EXPECT_EQ(records.first_offset(), 101u);
  EXPECT_EQ(records.last_offset(), 102u);
  EXPECT_THAT(ReadAll(&records),
              ElementsAre(std::pair(101, "1"), std::pair(102, "2")));
  // Exact delivery has no such bounds.
  ASSERT_TRUE(records.Load(batch, /*whole=*/false).ok());
  EXPECT_EQ(ReadAll(&records).size(), 5u);
}

TEST(BatchRecordsTest, FollowsOffsetDeltas) {
  BatchRecords records;
  DeliveredBatchView batch = MakeBatch(2, 1000);
  batch.offset_deltas = {4, 9};
  ASSERT_TRUE(records.Load(batch, false).ok());
  EXPECT_THAT(ReadAll(&records),
              ElementsAre(std::pair(104, "0"), std::pair(109, "1")));
  batch.offset_deltas = {4};
  EXPECT_EQ(records.Load(batch, false).code(), absl::StatusCode::kDataLoss);
}

TEST(BatchRecordsTest, RefusesDamagedBytes) {
  BatchRecords records;
  DeliveredBatchView batch = MakeBatch(3, 4);
  batch.payload_crc32c ^= 1;
  const absl::Status status = records.Load(batch, true);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("offset 100"));
  EXPECT_FALSE(records.Next());
  records.Clear();
  EXPECT_TRUE(records.status().ok());
  EXPECT_FALSE(records.Next());
}

TEST(BatchRecordsTest, RefusesWhatContradictsItself) {
  BatchRecords records;
  DeliveredBatchView batch = MakeBatch(3, 1000);
  batch.last_record = 3;
  EXPECT_EQ(records.Load(batch, true).code(), absl::StatusCode::kDataLoss);
  batch = MakeBatch(3, 1000);
  batch.record_count = 4;
  batch.last_record = 3;
  ASSERT_TRUE(records.Load(batch, true).ok());
  EXPECT_EQ(ReadAll(&records).size(), 3u);
  EXPECT_EQ(records.status().code(), absl::StatusCode::kDataLoss);
}

TEST(BatchRecordsTest, RefusesAFrameThatDoesNotInflate) {
  BatchRecords records;
  DeliveredBatchView batch = MakeBatch(3, 1000);
  batch.codec = Codec::kZstd;
  EXPECT_EQ(records.Load(batch, true).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace kappa::client
