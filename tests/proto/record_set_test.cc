#include "proto/wire/record_set.h"

#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kappa/v1/record.pb.h"
#include "proto/wire/string_view.h"
#include "proto/wire/wire_format.h"
#include "tests/proto/random_records.h"

namespace kappa {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

absl::StatusOr<uint32_t> Scan(std::string bytes,
                              uint32_t records_max = kBatchRecordsDefault) {
  return ScanRecordSet(Payload::FromString(std::move(bytes)), {records_max});
}

std::string Message(const absl::StatusOr<uint32_t>& result) {
  return std::string(ToStd(result.status().message()));
}

// A RecordSet of one record with that encoding.
std::string SetOf(std::string_view record) {
  std::string set;
  AppendBytesField(&set, 1, record);
  return set;
}

std::string Field(uint32_t number, std::string_view bytes) {
  std::string field;
  AppendBytesField(&field, number, bytes);
  return field;
}

TEST(RecordSetEncoderTest, WritesWhatProtobufWrites) {
  Random random(1);
  for (int i = 0; i < 3'000; ++i) {
    const kappa::v1::RecordSet set = RandomRecordSet(random, 8);
    RecordSetEncoder encoder;
    for (const auto& record : set.records()) AddRecord(record, &encoder);
    ASSERT_EQ(encoder.record_count(),
              static_cast<uint32_t>(set.records_size()));
    ASSERT_EQ(encoder.bytes(), set.ByteSizeLong());
    ASSERT_EQ(encoder.Take(), set.SerializeAsString());
    ASSERT_EQ(encoder.bytes(), 0u);
    ASSERT_EQ(encoder.record_count(), 0u);
  }
}

TEST(RecordSetEncoderTest, TellsTheSizeBeforehand) {
  Random random(2);
  RecordSetEncoder encoder;
  encoder.Reserve(10'000);
  for (int i = 0; i < 500; ++i) {
    const kappa::v1::Record record = RandomRecord(random);
    std::vector<HeaderView> headers;
    for (const auto& h : record.headers()) {
      headers.push_back({h.name(), h.value()});
    }
    RecordView view;
    if (record.has_key()) view.key = record.key();
    if (record.has_value()) view.value = record.value();
    if (record.has_event_time_us()) view.event_time_us = record.event_time_us();
    view.headers = headers;
    const size_t before = encoder.bytes();
    encoder.Add(view);
    ASSERT_EQ(encoder.bytes() - before, RecordSetEncoder::EncodedSize(view));
  }
}

TEST(RecordSetReaderTest, YieldsTheRecordsAndTheirEncodings) {
  Random random(3);
  for (int i = 0; i < 1'000; ++i) {
    const kappa::v1::RecordSet set = RandomRecordSet(random, 8);
    const std::string encoded = set.SerializeAsString();
    RecordSetReader reader(encoded);
    std::string joined;
    for (const auto& record : set.records()) {
      ASSERT_TRUE(reader.Next());
      ASSERT_EQ(ToProtobuf(reader.record()).SerializeAsString(),
                record.SerializeAsString());
      joined.append(reader.encoded_record());
    }
    ASSERT_FALSE(reader.Next());
    ASSERT_TRUE(reader.status().ok());
    ASSERT_EQ(joined, encoded);
  }
}

TEST(RecordSetReaderTest, TellsAbsentFromEmpty) {
  RecordSetEncoder encoder;
  encoder.Add({});
  RecordView empty;
  empty.key = "";
  empty.value = "";
  empty.event_time_us = 0;
  encoder.Add(empty);
  const std::string encoded = encoder.Take();
  ASSERT_EQ(*Scan(encoded), 2u);
  RecordSetReader reader(encoded);
  ASSERT_TRUE(reader.Next());
  EXPECT_FALSE(reader.record().key.has_value());
  EXPECT_FALSE(reader.record().value.has_value());
  EXPECT_FALSE(reader.record().event_time_us.has_value());
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.record().key, "");
  EXPECT_EQ(reader.record().value, "");
  EXPECT_EQ(reader.record().event_time_us, 0);
}

TEST(RecordSetReaderTest, StopsAtMalformedBytes) {
  const std::string good = SetOf(Field(2, "v"));
  for (const std::string& bad :
       {good + "\x0a",
        good + "\x0a\x05"
               "x",
        good + "\x12\x00", good + SetOf("\x0a\x05"), good + SetOf(Field(9, "")),
        good + SetOf(Field(3, "\x0a")), good + SetOf(Field(3, Field(3, ""))),
        good + SetOf("\x20")}) {
    RecordSetReader reader(bad);
    ASSERT_TRUE(reader.Next());
    EXPECT_FALSE(reader.Next());
    EXPECT_FALSE(reader.Next());
    EXPECT_EQ(reader.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(ScanRecordSetTest, CountsTheRecords) {
  Random random(4);
  for (int i = 0; i < 3'000; ++i) {
    const kappa::v1::RecordSet set = RandomRecordSet(random, 30);
    const Payload payload = CutAtRandom(random, set.SerializeAsString());
    const absl::StatusOr<uint32_t> count = ScanRecordSet(payload, {});
    ASSERT_TRUE(count.ok()) << count.status();
    ASSERT_EQ(*count, static_cast<uint32_t>(set.records_size()));
  }
}

TEST(ScanRecordSetTest, FieldsMayComeInAnyOrder) {
  std::string time;
  AppendVarintField(&time, 4, 5);
  const std::string header =
      Field(3, Field(2, "value first") + Field(1, "name"));
  EXPECT_EQ(
      *Scan(SetOf(time + header + Field(2, "v") + header + Field(1, "k"))), 1u);
}

TEST(ScanRecordSetTest, AnEmptySetIsRefused) {
  EXPECT_EQ(Message(Scan("")), "the record set is empty");
  EXPECT_EQ(Scan("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(ScanRecordSet(Payload(), {}).ok());
}

TEST(ScanRecordSetTest, NamesTheRecordAndWhatIsWrong) {
  const std::string good = SetOf(Field(2, "v"));
  std::string time;
  AppendVarintField(&time, 4, 5);
  const struct {
    std::string bytes;
    std::string what;
  } cases[] = {
      {Field(2, "v"), "the record set has field 2"},
      {SetOf(Field(5, "v")), "the record has field 5 of wire type 2"},
      {SetOf("\x08\x01"), "the record has field 1 of wire type 0"},
      {SetOf("\x25"
             "abcd"),
       "the record has field 4 of wire type 5"},
      {SetOf("\x13\x14"), "the record has field 2 of wire type 3"},
      {SetOf(Field(3, Field(1, "n") + Field(3, ""))), "a header has field 3"},
      {SetOf(Field(1, "a") + Field(1, "a")), "two of key"},
      {SetOf(Field(2, "a") + Field(2, "")), "two of value"},
      {SetOf(time + time), "two of event_time_us"},
      {SetOf(Field(3, Field(1, "n") + Field(1, "n"))),
       "two of name of a header"},
      {SetOf(Field(3, Field(1, "n") + Field(2, "") + Field(2, ""))),
       "two of value of a header"},
      {SetOf(Field(3, "")), "a header has no name"},
      {SetOf(Field(3, Field(1, ""))), "a header has no name"},
      {SetOf(Field(3, Field(2, "v"))), "a header has no name"},
      {SetOf(Field(3, Field(1, "\xff"))), "not UTF-8"},
      {SetOf("\x0a\x02"
             "k"),
       "the key is cut off"},
      {SetOf("\x12\x02"
             "v"),
       "the value is cut off"},
      {SetOf("\x1a\x02"
             "h"),
       "a header is cut off"},
      {SetOf(Field(3,
                   "\x0a\x02"
                   "n")),
       "a header is cut off"},
      {SetOf("\x20"), "event_time_us is damaged"},
      {SetOf("\x20\x80"), "event_time_us is damaged"},
      {SetOf("\x0a"), "the key is cut off"},
      {std::string("\x02\x00", 2), "a tag is damaged"},
      {"\x0a", "its length is damaged"},
      {"\x0a\x01", "its length is damaged"},
  };
  for (const auto& c : cases) {
    // With and without bytes of a good record behind them: nothing may be read
    // beyond the record's own end.
    for (const std::string& tail : {std::string(), good}) {
      const absl::StatusOr<uint32_t> result =
          Scan(good + good + c.bytes + tail);
      if (c.bytes[0] == '\x0a' && c.bytes.size() <= 2 && !tail.empty())
        continue;
      ASSERT_FALSE(result.ok()) << c.what;
      EXPECT_THAT(Message(result), StartsWith("record 2: "));
      EXPECT_THAT(Message(result), HasSubstr(c.what));
    }
  }
}

struct LimitCase {
  std::string name;
  std::string message;
  // An encoded set with `value` of what the limit counts.
  std::function<std::string(size_t value)> make;
  size_t max;
};

std::string Headers(size_t count, size_t name_bytes, size_t value_bytes) {
  std::string record;
  for (size_t i = 0; i < count; ++i) {
    record += Field(3, Field(1, std::string(name_bytes, 'n')) +
                           Field(2, std::string(value_bytes, 'v')));
  }
  return SetOf(record);
}

std::vector<LimitCase> LimitCases() {
  return {
      {"key", "limit key_bytes_max 65536: record 0 has 65537",
       [](size_t n) { return SetOf(Field(1, std::string(n, 'k'))); },
       kKeyBytesMax},
      {"headers", "limit headers_max 64: record 0 has 65",
       [](size_t n) { return Headers(n, 1, 0); }, kHeadersMax},
      {"header name", "limit header_name_bytes_max 1024: record 0 has 1025",
       [](size_t n) { return Headers(1, n, 0); }, kHeaderNameBytesMax},
      {"header value", "limit header_bytes_max 65536: record 0 has 65537",
       [](size_t n) { return Headers(1, 1, n - 1); }, kHeaderBytesMax},
      {"all headers", "limit header_bytes_max 65536: record 0 has 65537",
       [](size_t n) {
         // 63 headers of 1,024 bytes and one with the rest.
         std::string record;
         for (int i = 0; i < 63; ++i) {
           record += Field(3, Field(1, std::string(24, 'n')) +
                                  Field(2, std::string(1'000, 'v')));
         }
         const size_t rest = n - 63 * 1'024 - 1;
         return SetOf(record + Field(3, Field(1, "n") +
                                            Field(2, std::string(rest, 'v'))));
       },
       kHeaderBytesMax},
      {"records", "limit batch_records_max 65536: there are more",
       [](size_t n) {
         std::string set;
         for (size_t i = 0; i < n; ++i) set += SetOf("");
         return set;
       },
       kBatchRecordsDefault},
  };
}

TEST(ScanRecordSetTest, LimitsHoldExactly) {
  Random random(5);
  for (const LimitCase& limit : LimitCases()) {
    const std::string at = limit.make(limit.max);
    const std::string over = limit.make(limit.max + 1);
    EXPECT_TRUE(Scan(at).ok()) << limit.name << Scan(at).status();
    EXPECT_EQ(Message(Scan(over)), limit.message) << limit.name;
    EXPECT_EQ(Scan(over).status().code(), absl::StatusCode::kInvalidArgument);
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(ScanRecordSet(CutAtRandom(random, at), {}).ok());
      EXPECT_FALSE(ScanRecordSet(CutAtRandom(random, over), {}).ok());
    }
  }
}

TEST(ScanRecordSetTest, TheTopicSetsTheNumberOfRecords) {
  std::string set;
  for (int i = 0; i < 3; ++i) set += SetOf("");
  EXPECT_EQ(*Scan(set, 3), 3u);
  EXPECT_EQ(Message(Scan(set, 2)), "limit batch_records_max 2: there are more");
}

TEST(ScanRecordSetTest, AValueHasNoLimitOfItsOwn) {
  EXPECT_EQ(*Scan(SetOf(Field(2, std::string(kBatchBytesMax, 'v')))), 1u);
}

}  // namespace
}  // namespace kappa
