#include "storage/entry_header.h"

#include <random>
#include <string>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"
#include "proto/wire/crc32c.h"
#include "storage/fixed_width.h"

namespace kappa::storage {
namespace {

// What stands in kGolden.
EntryHeader GoldenHeader() {
  EntryHeader header;
  header.kind = raft::EntryKind::kRecords;
  header.encoding = PayloadEncoding::kRecordSet;
  header.codec = Codec::kZstd;
  header.record_count = 3;
  header.term = Term(5);
  header.index = LogIndex(0x0102030405060708);
  header.base_offset = Offset(10);
  header.append_time_us = 1'700'000'000'000'000;
  for (uint8_t i = 0; i < 16; ++i) header.producer.id[i] = 0xa0 + i;
  header.producer.epoch = 2;
  header.producer.sequence = 9;
  header.payload_bytes = 65536;
  header.payload_crc32c = 0xdeadbeef;
  header.payload_sha256.fill(0x11);
  header.chain.fill(0x22);
  header.producer_state = "hi";
  return header;
}

// Format version 1, written by hand.
constexpr char kGolden[] =
    "01010101"                          // version, kind, encoding, codec
    "03000000"                          // record count
    "0500000000000000"                  // term
    "0807060504030201"                  // index
    "0a00000000000000"                  // base offset
    "00401e18240a0600"                  // append time
    "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"  // producer id
    "0200000000000000"                  // epoch
    "0900000000000000"                  // sequence
    "00000100"                          // payload bytes
    "efbeadde"                          // payload CRC32C
    "1111111111111111111111111111111111111111111111111111111111111111"
    "2222222222222222222222222222222222222222222222222222222222222222"
    "0500"       // extension bytes
    "010200"     // producer state, length
    "6869"       // "hi"
    "3e0c82e1";  // CRC32C

std::string Encoded(const EntryHeader& header) {
  std::string out;
  EncodeEntryHeader(header, &out);
  return out;
}

// Replaces the CRC by the right one.
std::string WithRightCrc(std::string bytes) {
  bytes.resize(bytes.size() - 4);
  AppendLittleEndian(Crc32c(bytes), &bytes);
  return bytes;
}

TEST(EntryHeaderTest, EncodesToTheGoldenBytes) {
  EXPECT_EQ(absl::BytesToHexString(Encoded(GoldenHeader())), kGolden);
}

TEST(EntryHeaderTest, DecodesTheGoldenBytes) {
  const std::string value = absl::HexStringToBytes(kGolden) + "payload";
  const auto decoded = DecodeEntryHeader(value);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->header, GoldenHeader());
  EXPECT_EQ(decoded->header_bytes, 155u);
}

TEST(EntryHeaderTest, AppendsToWhatIsThere) {
  std::string out = "before";
  EncodeEntryHeader(GoldenHeader(), &out);
  EXPECT_EQ(out, "before" + absl::HexStringToBytes(kGolden));
}

TEST(EntryHeaderTest, EveryFlippedBitIsDamage) {
  const std::string good = absl::HexStringToBytes(kGolden);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(DecodeEntryHeader(bad).status().code(),
              absl::StatusCode::kDataLoss)
        << "bit " << bit;
  }
}

TEST(EntryHeaderTest, EveryShorterValueIsDamage) {
  const std::string good = absl::HexStringToBytes(kGolden);
  for (size_t bytes = 0; bytes < good.size(); ++bytes) {
    EXPECT_EQ(DecodeEntryHeader(good.substr(0, bytes)).status().code(),
              absl::StatusCode::kDataLoss)
        << bytes << " bytes";
  }
}

TEST(EntryHeaderTest, NewerFormatVersionIsRefusedByName) {
  std::string newer = absl::HexStringToBytes(kGolden);
  newer[0] = 2;
  const absl::Status status = DecodeEntryHeader(WithRightCrc(newer)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("format version 2"), std::string::npos);
}

TEST(EntryHeaderTest, UnknownExtensionFieldIsOfANewerVersion) {
  std::string bytes = absl::HexStringToBytes(kGolden);
  bytes[146] = 2;  // the field's tag
  EXPECT_EQ(DecodeEntryHeader(WithRightCrc(bytes)).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(EntryHeaderTest, ContradictionsAreDamageInSpiteOfARightCrc) {
  struct Case {
    const char* name;
    void (*change)(EntryHeader*);
  };
  const Case cases[] = {
      {"kind 0", [](EntryHeader* h) { h->kind = raft::EntryKind(0); }},
      {"kind 5", [](EntryHeader* h) { h->kind = raft::EntryKind(5); }},
      {"codec 3", [](EntryHeader* h) { h->codec = Codec(3); }},
      {"encoding 4", [](EntryHeader* h) { h->encoding = PayloadEncoding(4); }},
      {"no records", [](EntryHeader* h) { h->record_count = 0; }},
      {"index 0", [](EntryHeader* h) { h->index = LogIndex(0); }},
      {"offsets wrap",
       [](EntryHeader* h) { h->base_offset = Offset(~uint64_t{0} - 1); }},
      {"no-op with records",
       [](EntryHeader* h) { h->kind = raft::EntryKind::kNoOp; }},
      {"compressed command",
       [](EntryHeader* h) { h->encoding = PayloadEncoding::kCommand; }},
      {"fence with payload",
       [](EntryHeader* h) {
         h->kind = raft::EntryKind::kProducerFence;
         h->encoding = PayloadEncoding::kNone;
         h->codec = Codec::kNone;
         h->record_count = 0;
       }},
  };
  for (const Case& c : cases) {
    EntryHeader header = GoldenHeader();
    c.change(&header);
    EXPECT_EQ(DecodeEntryHeader(Encoded(header)).status().code(),
              absl::StatusCode::kDataLoss)
        << c.name;
  }
}

TEST(EntryHeaderTest, BrokenExtensionIsDamage) {
  const std::string golden = absl::HexStringToBytes(kGolden);
  std::string too_long = golden;
  too_long[147] = 3;  // the field's length passes the extension's
  EXPECT_EQ(DecodeEntryHeader(WithRightCrc(too_long)).status().code(),
            absl::StatusCode::kDataLoss);
  std::string cut_off = golden;
  cut_off[147] = 0;  // then two bytes are left: no whole field
  EXPECT_EQ(DecodeEntryHeader(WithRightCrc(cut_off)).status().code(),
            absl::StatusCode::kDataLoss);
}

EntryHeader RandomHeader(std::mt19937_64* random) {
  EntryHeader header;
  header.kind = static_cast<raft::EntryKind>(1 + (*random)() % 4);
  if (header.kind == raft::EntryKind::kRecords) {
    header.encoding = PayloadEncoding::kRecordSet;
    header.codec = static_cast<Codec>((*random)() % 3);
    header.record_count = 1 + (*random)() % 100;
  } else if (header.kind == raft::EntryKind::kConfiguration) {
    header.encoding = PayloadEncoding::kConfiguration;
  }
  if (header.encoding != PayloadEncoding::kNone) {
    header.payload_bytes = static_cast<uint32_t>((*random)());
  }
  header.term = Term((*random)());
  header.index = LogIndex((*random)() | 1);
  header.base_offset = Offset((*random)() >> 1);
  header.append_time_us = static_cast<int64_t>((*random)());
  for (uint8_t& byte : header.producer.id) byte = (*random)();
  header.producer.epoch = (*random)();
  header.producer.sequence = (*random)();
  header.payload_crc32c = static_cast<uint32_t>((*random)());
  for (uint8_t& byte : header.payload_sha256) byte = (*random)();
  for (uint8_t& byte : header.chain) byte = (*random)();
  if ((*random)() % 2 == 0) {
    header.producer_state =
        std::string((*random)() % (kProducerStateBytesMax + 1),
                    static_cast<char>((*random)()));
  }
  return header;
}

TEST(EntryHeaderTest, RandomHeadersComeBackEqual) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const EntryHeader header = RandomHeader(&random);
    const std::string encoded = Encoded(header);
    const auto decoded = DecodeEntryHeader(encoded + "x");
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_EQ(decoded->header, header);
    ASSERT_EQ(decoded->header_bytes, encoded.size());
  }
}

TEST(EntryHeaderTest, EmptyStateIsNotAnAbsentOne) {
  EntryHeader header = GoldenHeader();
  header.producer_state = "";
  EXPECT_EQ(DecodeEntryHeader(Encoded(header))->header.producer_state, "");
  header.producer_state.reset();
  EXPECT_FALSE(
      DecodeEntryHeader(Encoded(header))->header.producer_state.has_value());
}

TEST(EntryHeaderTest, RandomBytesNeverDecode) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random() % 400, 0);
    for (char& byte : bytes) byte = static_cast<char>(random());
    if (!bytes.empty() && random() % 2 == 0) bytes[0] = 1;
    EXPECT_FALSE(DecodeEntryHeader(bytes).ok());
  }
}

TEST(EntryHeaderDeathTest, StateOverItsLimitIsOurBug) {
  EntryHeader header = GoldenHeader();
  header.producer_state = std::string(kProducerStateBytesMax + 1, 's');
  EXPECT_DEATH(Encoded(header), "producer state");
}

}  // namespace
}  // namespace kappa::storage
