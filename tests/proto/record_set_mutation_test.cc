// The scanner and the protobuf parser on damaged input: whatever the scanner
// accepts, protobuf parses to the same records, and whatever protobuf writes
// within the limits, the scanner accepts.
#include <algorithm>
#include <string>
#include <vector>

#include "google/protobuf/stubs/logging.h"
#include "google/protobuf/unknown_field_set.h"
#include "gtest/gtest.h"
#include "kappa/v1/record.pb.h"
#include "proto/wire/record_set.h"
#include "proto/wire/string_view.h"
#include "proto/wire/wire_format.h"
#include "tests/proto/random_records.h"

namespace kappa {
namespace {

bool HasUnknownFields(const kappa::v1::RecordSet& set) {
  const auto any = [](const auto& message) {
    return !message.GetReflection()->GetUnknownFields(message).empty();
  };
  if (any(set)) return true;
  for (const auto& record : set.records()) {
    if (any(record)) return true;
    for (const auto& header : record.headers()) {
      if (any(header)) return true;
    }
  }
  return false;
}

bool WithinLimits(const kappa::v1::RecordSet& set) {
  for (const auto& record : set.records()) {
    if (record.key().size() > kKeyBytesMax) return false;
    if (record.headers_size() > static_cast<int>(kHeadersMax)) return false;
    for (const auto& header : record.headers()) {
      if (header.name().empty()) return false;
    }
  }
  return set.records_size() > 0;
}

// One random change to the bytes.
void Mutate(Random& random, std::string* bytes) {
  const size_t at = bytes->empty() ? 0 : random() % bytes->size();
  const size_t rest = bytes->size() - at;
  const size_t length = 1 + random() % std::max<size_t>(1, rest);
  if (bytes->empty()) bytes->push_back('\x0a');
  switch (random() % 9) {
    case 0:  // one bit
      (*bytes)[at] = static_cast<char>((*bytes)[at] ^ 1 << (random() % 8));
      break;
    case 1:  // one byte
      (*bytes)[at] = static_cast<char>(random());
      break;
    case 2:  // a tag or a small length
      (*bytes)[at] = static_cast<char>(random() % 0x30);
      break;
    case 3:
      bytes->insert(at, 1, static_cast<char>(random() % 0x30));
      break;
    case 4:
      bytes->erase(at, 1);
      break;
    case 5:
      bytes->resize(at);
      break;
    case 6:  // a stretch twice
      bytes->insert(at, bytes->substr(at, length));
      break;
    case 7:  // a stretch missing
      bytes->erase(at, length);
      break;
    case 8:  // a varint encoded longer than needed
      if (static_cast<uint8_t>((*bytes)[at]) < 0x80) {
        (*bytes)[at] = static_cast<char>((*bytes)[at] | 0x80);
        bytes->insert(
            at + 1,
            std::string("\x80\x80\x80\x80\x00", 5).substr(random() % 5));
      }
      break;
  }
}

// Damage that keeps the lengths right, so that it reaches the inner rules: the
// fields of one record in another order, twice, or with another number.
std::string ShuffleRecord(Random& random, const kappa::v1::Record& record) {
  std::vector<std::string> fields;
  const auto add = [&](uint32_t number, const std::string& bytes) {
    if (random() % 12 == 0) number = 1 + random() % 5;
    fields.emplace_back();
    AppendBytesField(&fields.back(), number, bytes);
    if (random() % 24 == 0) fields.push_back(fields.back());
  };
  if (record.has_key()) add(1, record.key());
  if (record.has_value()) add(2, record.value());
  for (const auto& header : record.headers()) {
    std::string bytes = header.SerializeAsString();
    if (random() % 6 == 0) Mutate(random, &bytes);
    add(3, bytes);
  }
  if (record.has_event_time_us()) {
    fields.emplace_back();
    AppendVarintField(&fields.back(), 4,
                      static_cast<uint64_t>(record.event_time_us()));
    if (random() % 24 == 0) fields.push_back(fields.back());
  }
  std::shuffle(fields.begin(), fields.end(), random);
  std::string joined;
  for (const std::string& field : fields) joined += field;
  std::string set;
  AppendBytesField(&set, 1, joined);
  return set;
}

// What became of one input.
struct Tally {
  int accepted = 0;
  int refused = 0;
};

void CompareWithProtobuf(Random& random, const std::string& bytes,
                         Tally* tally) {
  const absl::StatusOr<uint32_t> whole =
      ScanRecordSet(Payload::FromString(bytes), {});
  // However the bytes are cut, the answer is the same, word for word.
  const absl::StatusOr<uint32_t> cut =
      ScanRecordSet(CutAtRandom(random, bytes), {});
  ASSERT_EQ(whole.status(), cut.status());

  kappa::v1::RecordSet parsed;
  const bool parses = parsed.ParseFromString(bytes);
  if (!whole.ok()) {
    ++tally->refused;
    ASSERT_FALSE(parses && WithinLimits(parsed) && !HasUnknownFields(parsed) &&
                 parsed.SerializeAsString() == bytes)
        << "refused although protobuf writes it: " << whole.status();
    // The reader may or may not stop; it must not read outside.
    RecordSetReader reader(bytes);
    while (reader.Next()) continue;
    return;
  }
  ++tally->accepted;
  ASSERT_EQ(*whole, *cut);
  ASSERT_TRUE(parses);
  ASSERT_FALSE(HasUnknownFields(parsed));
  ASSERT_TRUE(WithinLimits(parsed));
  ASSERT_EQ(static_cast<int>(*whole), parsed.records_size());
  RecordSetReader reader(bytes);
  for (const auto& record : parsed.records()) {
    ASSERT_TRUE(reader.Next()) << reader.status();
    ASSERT_EQ(ToProtobuf(reader.record()).SerializeAsString(),
              record.SerializeAsString());
  }
  ASSERT_FALSE(reader.Next());
  ASSERT_TRUE(reader.status().ok());
}

TEST(RecordSetMutationTest, BytesDamagedAnywhere) {
  const google::protobuf::LogSilencer silencer;
  Random random(11);
  Tally tally;
  for (int i = 0; i < 150'000; ++i) {
    std::string bytes = RandomRecordSet(random, 4).SerializeAsString();
    for (size_t n = 1 + random() % 3; n > 0; --n) Mutate(random, &bytes);
    ASSERT_NO_FATAL_FAILURE(CompareWithProtobuf(random, bytes, &tally))
        << "input " << i;
  }
  EXPECT_GT(tally.accepted, 20'000);
  EXPECT_GT(tally.refused, 20'000);
}

TEST(RecordSetMutationTest, FieldsMovedAndRepeated) {
  const google::protobuf::LogSilencer silencer;
  Random random(12);
  Tally tally;
  for (int i = 0; i < 100'000; ++i) {
    std::string bytes;
    for (size_t n = 1 + random() % 3; n > 0; --n) {
      bytes += ShuffleRecord(random, RandomRecord(random));
    }
    ASSERT_NO_FATAL_FAILURE(CompareWithProtobuf(random, bytes, &tally))
        << "input " << i;
  }
  EXPECT_GT(tally.accepted, 20'000);
  EXPECT_GT(tally.refused, 20'000);
}

TEST(RecordSetMutationTest, EveryLegalSetIsAcceptedCutAtEveryPlace) {
  Random random(13);
  for (int i = 0; i < 100; ++i) {
    const kappa::v1::RecordSet set = RandomRecordSet(random, 4);
    const std::string bytes = set.SerializeAsString();
    for (size_t at = 0; at <= bytes.size(); ++at) {
      const size_t second = at + random() % (bytes.size() - at + 1);
      const absl::StatusOr<uint32_t> count =
          ScanRecordSet(CutAt(bytes, {at, second}), {});
      ASSERT_TRUE(count.ok()) << count.status();
      ASSERT_EQ(*count, static_cast<uint32_t>(set.records_size()));
    }
  }
}

TEST(RecordSetMutationTest, APieceForEveryByte) {
  Random random(14);
  for (int i = 0; i < 300; ++i) {
    const kappa::v1::RecordSet set = RandomRecordSet(random, 3);
    const std::string bytes = set.SerializeAsString();
    std::vector<size_t> places;
    for (size_t at = 1; at < bytes.size(); ++at) places.push_back(at);
    const absl::StatusOr<uint32_t> count =
        ScanRecordSet(CutAt(bytes, places), {});
    ASSERT_TRUE(count.ok()) << count.status();
    ASSERT_EQ(*count, static_cast<uint32_t>(set.records_size()));
  }
}

}  // namespace
}  // namespace kappa
