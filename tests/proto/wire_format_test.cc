#include "proto/wire/wire_format.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"
#include "kappa/v1/log_service.pb.h"
#include "tests/proto/random_records.h"

namespace kappa {
namespace {

using google::protobuf::io::CodedOutputStream;

std::vector<uint64_t> InterestingNumbers() {
  std::vector<uint64_t> numbers = {0, std::numeric_limits<uint64_t>::max()};
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t power = uint64_t{1} << bit;
    numbers.insert(numbers.end(), {power - 1, power, power + 1});
  }
  return numbers;
}

// As protobuf itself writes it.
std::string ProtobufVarint(uint64_t value) {
  uint8_t bytes[kVarintBytesMax];
  const uint8_t* end = CodedOutputStream::WriteVarint64ToArray(value, bytes);
  return std::string(reinterpret_cast<const char*>(bytes), end - bytes);
}

TEST(VarintTest, IsWrittenAndReadAsProtobufDoes) {
  for (uint64_t number : InterestingNumbers()) {
    const std::string expected = ProtobufVarint(number);
    std::string written;
    AppendVarint(&written, number);
    ASSERT_EQ(written, expected) << number;
    ASSERT_EQ(VarintSize(number), expected.size()) << number;

    std::string_view rest = written;
    uint64_t value = 0;
    ASSERT_TRUE(ReadVarint(&rest, &value));
    EXPECT_EQ(value, number);
    EXPECT_TRUE(rest.empty());
  }
}

TEST(VarintTest, CutOffOrTooLargeIsRefusedAndLeavesTheInput) {
  for (uint64_t number : InterestingNumbers()) {
    const std::string whole = ProtobufVarint(number);
    for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
      std::string_view rest = std::string_view(whole).substr(0, bytes);
      uint64_t value;
      ASSERT_FALSE(ReadVarint(&rest, &value));
      ASSERT_EQ(rest.size(), bytes);
      const Payload payload = CutAt(whole.substr(0, bytes), {bytes / 2});
      PieceReader reader(payload);
      ASSERT_FALSE(reader.ReadVarint(&value));
    }
  }
  const std::string nine(9, '\xff');
  for (const std::string& bad : {nine + '\x02', nine + '\xff' + '\x01'}) {
    std::string_view rest = bad;
    uint64_t value;
    EXPECT_FALSE(ReadVarint(&rest, &value));
    const Payload payload = Payload::FromString(bad);
    EXPECT_FALSE(PieceReader(payload).ReadVarint(&value));
  }
}

TEST(VarintTest, LongerEncodingsAreAccepted) {
  std::string_view rest("\x85\x80\x00!", 4);
  uint64_t value;
  ASSERT_TRUE(ReadVarint(&rest, &value));
  EXPECT_EQ(value, 5u);
  EXPECT_EQ(rest, "!");
}

TEST(FieldTest, AreWrittenAsProtobufDoes) {
  kappa::v1::Batch batch;
  batch.set_compressed_records(std::string(300, 'x'));
  batch.set_compression(kappa::v1::COMPRESSION_LZ4);
  batch.set_record_count(1'000'000);
  batch.set_payload_crc32c(0xdeadbeef);

  std::string written;
  AppendBytesField(&written, 2, std::string(300, 'x'));
  EXPECT_EQ(written.size(), BytesFieldSize(2, 300));
  AppendVarintField(&written, 3, 2);
  AppendVarintField(&written, 4, 1'000'000);
  AppendFixed32Field(&written, 5, 0xdeadbeef);
  EXPECT_EQ(written, batch.SerializeAsString());
  EXPECT_EQ(written.size(), BytesFieldSize(2, 300) + VarintFieldSize(3, 2) +
                                VarintFieldSize(4, 1'000'000) +
                                Fixed32FieldSize(5));

  std::string prefix;
  AppendBytesFieldPrefix(&prefix, 2, 300);
  EXPECT_EQ(prefix + std::string(300, 'x'),
            written.substr(0, BytesFieldSize(2, 300)));
  // A field number above 15 takes a longer tag.
  std::string wide;
  AppendVarintField(&wide, 16, 7);
  EXPECT_EQ(wide, std::string("\x80\x01\x07"));
  EXPECT_EQ(VarintFieldSize(16, 7), 3u);
}

TEST(Utf8Test, AgreesWithTheDefinition) {
  for (const char* good : {"", "abc", "\u0080", "\u07ff", "\u0800", "\ud7ff",
                           "\ue000", "\uffff", "\U00010000", "\U0010ffff"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const char* bad :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41",
        "\xe0\x9f\xbf", "\xe0\xa0", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xef\xbf\xc0", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "ok\xfe"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

TEST(Utf8Test, AgreesWithProtobufOnEveryShortSequence) {
  // All one- and two-byte texts, and three- and four-byte ones over the bytes
  // where the rules change.
  const std::string edges =
      "\x41\x7f\x80\x8f\x90\x9f\xa0\xbf\xc1\xc2\xdf\xe0\xed\xee\xf0\xf4\xf5";
  std::vector<std::string> texts;
  for (int a = 1; a < 256; ++a) {
    texts.push_back(std::string(1, static_cast<char>(a)));
    for (int b = 1; b < 256; ++b) {
      texts.push_back(texts.back().substr(0, 1) + static_cast<char>(b));
    }
  }
  for (char a : edges) {
    for (char b : edges) {
      for (char c : edges) {
        texts.push_back({a, b, c});
        for (char d : edges) texts.push_back({a, b, c, d});
      }
    }
  }
  const google::protobuf::LogSilencer silencer;
  kappa::v1::Header header;
  for (const std::string& text : texts) {
    std::string encoded;
    AppendBytesField(&encoded, 1, text);
    ASSERT_EQ(IsUtf8(text), header.ParseFromString(encoded))
        << testing::PrintToString(text);
  }
}

// Reads an AppendRequest as the server does, by pieces.
struct ScannedAppend {
  std::string topic;
  uint64_t partition = 0;
  Payload batch;
  std::string others;  // field numbers passed over
};

bool ScanAppend(const Payload& message, ScannedAppend* out) {
  PieceReader reader(message);
  while (reader.remaining() > 0) {
    uint32_t tag;
    if (!reader.ReadTag(&tag)) return false;
    switch (tag) {
      case WireTag(1, WireType::kBytes):
        if (!reader.ReadBytes(200, &out->topic)) return false;
        break;
      case WireTag(3, WireType::kVarint):
        if (!reader.ReadVarint(&out->partition)) return false;
        break;
      case WireTag(4, WireType::kBytes):
        if (!reader.TakeBytes(&out->batch)) return false;
        break;
      default:
        if (!reader.SkipField(tag)) return false;
        out->others += std::to_string(FieldNumberOf(tag)) + " ";
    }
  }
  return true;
}

kappa::v1::AppendRequest SampleRequest() {
  kappa::v1::AppendRequest request;
  request.set_topic("earthquakes");
  request.set_topic_uuid(std::string(16, '\x07'));
  request.set_partition(70'000);
  request.mutable_batch()->set_compressed_records("some bytes");
  request.mutable_batch()->set_payload_crc32c(1);
  request.mutable_producer()->set_sequence(9);
  request.set_expected_offset(uint64_t{1} << 60);
  return request;
}

TEST(PieceReaderTest, ReadsAMessageCutAnywhere) {
  const kappa::v1::AppendRequest request = SampleRequest();
  const std::string encoded = request.SerializeAsString();
  for (size_t a = 0; a <= encoded.size(); ++a) {
    for (size_t b = a; b <= encoded.size(); ++b) {
      const Payload message = CutAt(encoded, {a, b});
      ScannedAppend scanned;
      ASSERT_TRUE(ScanAppend(message, &scanned)) << a << " " << b;
      ASSERT_EQ(scanned.topic, "earthquakes");
      ASSERT_EQ(scanned.partition, 70'000u);
      ASSERT_EQ(scanned.batch.ToString(), request.batch().SerializeAsString());
      ASSERT_EQ(scanned.others, "2 5 6 ");
      // By reference, kept alive by the same owner.
      ASSERT_EQ(scanned.batch.owner(), message.owner());
    }
  }
}

TEST(PieceReaderTest, RefusesAMessageCutOffInsideAField) {
  const kappa::v1::AppendRequest request = SampleRequest();
  const std::string encoded = request.SerializeAsString();
  int accepted = 0;
  for (size_t bytes = 0; bytes < encoded.size(); ++bytes) {
    const std::string part = encoded.substr(0, bytes);
    const Payload message = CutAt(part, {bytes / 3, bytes / 2});
    ScannedAppend scanned;
    kappa::v1::AppendRequest parsed;
    const bool ok = ScanAppend(message, &scanned);
    // What protobuf refuses inside an embedded message the scan has not
    // looked into, so only one direction holds.
    if (parsed.ParseFromString(part)) {
      EXPECT_TRUE(ok) << bytes;
    }
    if (ok) ++accepted;
  }
  // Exactly the cuts between the six fields.
  EXPECT_EQ(accepted, 6);
}

TEST(PieceReaderTest, ReadsFixedNumbersAcrossPieces) {
  std::string bytes;
  AppendFixed32Field(&bytes, 1, 0x04030201);
  bytes.append("\x11\x08\x07\x06\x05\x04\x03\x02\x01", 9);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    const Payload payload = CutAt(bytes, {cut});
    PieceReader reader(payload);
    uint32_t tag, narrow;
    uint64_t wide;
    ASSERT_TRUE(reader.ReadTag(&tag));
    ASSERT_EQ(tag, WireTag(1, WireType::kFixed32));
    ASSERT_TRUE(reader.ReadFixed32(&narrow));
    EXPECT_EQ(narrow, 0x04030201u);
    ASSERT_TRUE(reader.ReadTag(&tag));
    ASSERT_EQ(tag, WireTag(2, WireType::kFixed64));
    ASSERT_TRUE(reader.ReadFixed64(&wide));
    EXPECT_EQ(wide, 0x0102030405060708u);
    EXPECT_EQ(reader.remaining(), 0u);
    EXPECT_EQ(reader.position(), bytes.size());
    EXPECT_FALSE(reader.ReadFixed32(&narrow));
    EXPECT_FALSE(reader.ReadFixed64(&wide));
    EXPECT_FALSE(reader.ReadTag(&tag));
  }
}

TEST(PieceReaderTest, SkipsEveryWireTypeButGroups) {
  const Payload varint = Payload::FromString("\xff\x01");
  EXPECT_TRUE(PieceReader(varint).SkipField(WireTag(9, WireType::kVarint)));
  const Payload eight = Payload::FromString(std::string(8, 'x'));
  EXPECT_TRUE(PieceReader(eight).SkipField(WireTag(9, WireType::kFixed64)));
  EXPECT_TRUE(PieceReader(eight).SkipField(WireTag(9, WireType::kFixed32)));
  const Payload bytes = CutAt(
      "\x03"
      "abc",
      {2});
  EXPECT_TRUE(PieceReader(bytes).SkipField(WireTag(9, WireType::kBytes)));
  const Payload cut = Payload::FromString(
      "\x04"
      "abc");
  EXPECT_FALSE(PieceReader(cut).SkipField(WireTag(9, WireType::kBytes)));
  for (uint32_t type : {3, 4, 6, 7}) {
    EXPECT_FALSE(PieceReader(eight).SkipField(9 << 3 | type)) << type;
  }
}

TEST(PieceReaderTest, RefusesBadTagsAndLengths) {
  uint32_t tag;
  size_t length;
  // Field number 0, six bytes, more than 32 bits.
  for (const std::string& bad :
       {std::string("\x02", 1), std::string("\x8a\x80\x80\x80\x80\x00", 6),
        std::string("\x8a\x80\x80\x80\x10", 5)}) {
    const Payload payload = Payload::FromString(bad);
    EXPECT_FALSE(PieceReader(payload).ReadTag(&tag));
  }
  const Payload padded = Payload::FromString(std::string("\x8a\x00", 2));
  ASSERT_TRUE(PieceReader(padded).ReadTag(&tag));
  EXPECT_EQ(tag, 10u);
  // Longer than what remains, by one; exactly what remains.
  const Payload longer = Payload::FromString(
      "\x04"
      "abc");
  EXPECT_FALSE(PieceReader(longer).ReadLength(&length));
  const Payload exact = Payload::FromString(
      "\x03"
      "abc");
  ASSERT_TRUE(PieceReader(exact).ReadLength(&length));
  EXPECT_EQ(length, 3u);
  const Payload huge =
      Payload::FromString("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  EXPECT_FALSE(PieceReader(huge).ReadLength(&length));
}

TEST(PieceReaderTest, ViewCopiesOnlyAcrossPieces) {
  const Payload payload = CutAt("abcdef", {4});
  char scratch[6] = {};
  std::string_view view;
  PieceReader reader(payload);
  ASSERT_TRUE(reader.View(3, scratch, &view));
  EXPECT_EQ(view, "abc");
  EXPECT_EQ(view.data(), payload.pieces()[0].data());
  ASSERT_TRUE(reader.View(2, scratch, &view));
  EXPECT_EQ(view, "de");
  EXPECT_EQ(view.data(), scratch);
  EXPECT_FALSE(reader.View(2, scratch, &view));
}

TEST(PieceReaderTest, TakeAndSkipStopAtTheEnd) {
  const Payload payload = CutAt("abcdef", {0, 2, 2, 5});
  Payload taken;
  EXPECT_FALSE(PieceReader(payload).Skip(7));
  EXPECT_FALSE(PieceReader(payload).Take(7, &taken));
  PieceReader reader(payload);
  ASSERT_TRUE(reader.Take(0, &taken));
  EXPECT_EQ(taken.bytes(), 0u);
  ASSERT_TRUE(reader.Take(4, &taken));
  EXPECT_EQ(taken.ToString(), "abcd");
  ASSERT_TRUE(reader.Skip(2));
  EXPECT_EQ(reader.remaining(), 0u);
  EXPECT_TRUE(reader.Skip(0));
  EXPECT_FALSE(reader.Skip(1));
}

TEST(PieceReaderTest, ReadBytesRefusesWhatIsTooLong) {
  const Payload payload = CutAt(
      "\x03"
      "abc",
      {2});
  std::string bytes;
  EXPECT_FALSE(PieceReader(payload).ReadBytes(2, &bytes));
  ASSERT_TRUE(PieceReader(payload).ReadBytes(3, &bytes));
  EXPECT_EQ(bytes, "abc");
}

}  // namespace
}  // namespace kappa
