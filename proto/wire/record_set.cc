#include "proto/wire/record_set.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"
#include "proto/wire/wire_format.h"

namespace kappa {
namespace {

// Field numbers of kappa/v1/record.proto. Every tag is one byte.
constexpr uint32_t kRecordsTag = WireTag(1, WireType::kBytes);
constexpr uint32_t kKeyTag = WireTag(1, WireType::kBytes);
constexpr uint32_t kValueTag = WireTag(2, WireType::kBytes);
constexpr uint32_t kHeadersTag = WireTag(3, WireType::kBytes);
constexpr uint32_t kEventTimeTag = WireTag(4, WireType::kVarint);
constexpr uint32_t kHeaderNameTag = WireTag(1, WireType::kBytes);
constexpr uint32_t kHeaderValueTag = WireTag(2, WireType::kBytes);
static_assert(kRecordsTag < 0x80 && kEventTimeTag < 0x80);

// Size of a length-delimited field with a one-byte tag.
size_t FieldSize(size_t bytes) { return 1 + VarintSize(bytes) + bytes; }

// A field with its proto3 default is not encoded.
size_t HeaderSize(const HeaderView& header) {
  return (header.name.empty() ? 0 : FieldSize(header.name.size())) +
         (header.value.empty() ? 0 : FieldSize(header.value.size()));
}

size_t RecordSize(const RecordView& record) {
  size_t bytes = 0;
  if (record.key) bytes += FieldSize(record.key->size());
  if (record.value) bytes += FieldSize(record.value->size());
  for (const HeaderView& header : record.headers) {
    bytes += FieldSize(HeaderSize(header));
  }
  if (record.event_time_us) {
    bytes += 1 + VarintSize(static_cast<uint64_t>(*record.event_time_us));
  }
  return bytes;
}

// Tag and length of a length-delimited field.
void AppendPrefix(std::string* out, uint32_t tag, size_t bytes) {
  char prefix[1 + kVarintBytesMax];
  prefix[0] = static_cast<char>(tag);
  out->append(prefix, WriteVarint(prefix + 1, bytes) - prefix);
}

void AppendField(std::string* out, uint32_t tag, std::string_view bytes) {
  AppendPrefix(out, tag, bytes.size());
  out->append(bytes);
}

// One pass over a RecordSet in pieces. An embedded message ends where
// remaining() has fallen to its `end`.
class RecordSetScanner {
 public:
  RecordSetScanner(const Payload& payload, const RecordSetLimits& limits)
      : reader_(payload), limits_(limits) {}

  absl::StatusOr<uint32_t> Scan() {
    while (reader_.remaining() > 0) {
      uint32_t tag;
      size_t bytes;
      if (!reader_.ReadTag(&tag)) return Malformed("a tag is damaged");
      if (tag != kRecordsTag) return UnknownField("the record set", tag);
      if (records_ == limits_.records_max) {
        return absl::InvalidArgumentError(
            absl::StrCat("limit batch_records_max ", limits_.records_max,
                         ": there are more"));
      }
      if (!ReadLength(0, &bytes)) return Malformed("its length is damaged");
      absl::Status status = ScanRecord(reader_.remaining() - bytes);
      if (!status.ok()) return status;
      ++records_;
    }
    if (records_ == 0) {
      return absl::InvalidArgumentError("the record set is empty");
    }
    return records_;
  }

 private:
  struct RecordState {
    bool has_key = false;
    bool has_value = false;
    bool has_event_time = false;
    size_t headers = 0;
    size_t header_bytes = 0;
  };

  absl::Status ScanRecord(size_t end) {
    RecordState state;
    while (reader_.remaining() > end) {
      uint32_t tag;
      if (!reader_.ReadTag(&tag)) return Malformed("a tag is damaged");
      absl::Status status;
      switch (tag) {
        case kKeyTag:
          status = ScanKey(end, &state);
          break;
        case kValueTag:
          status = ScanValue(end, &state);
          break;
        case kHeadersTag:
          status = ScanHeader(end, &state);
          break;
        case kEventTimeTag:
          status = ScanEventTime(end, &state);
          break;
        default:
          return UnknownField("the record", tag);
      }
      if (!status.ok()) return status;
    }
    // A tag as the last thing may have been read beyond the end.
    if (reader_.remaining() != end) return Malformed("it is cut off");
    return absl::OkStatus();
  }

  absl::Status ScanKey(size_t end, RecordState* state) {
    size_t bytes;
    if (std::exchange(state->has_key, true)) return Twice("key");
    if (!ReadLength(end, &bytes)) return Malformed("the key is cut off");
    if (bytes > kKeyBytesMax)
      return Limit("key_bytes_max", kKeyBytesMax, bytes);
    reader_.Skip(bytes);
    return absl::OkStatus();
  }

  absl::Status ScanValue(size_t end, RecordState* state) {
    size_t bytes;
    if (std::exchange(state->has_value, true)) return Twice("value");
    if (!ReadLength(end, &bytes)) return Malformed("the value is cut off");
    reader_.Skip(bytes);
    return absl::OkStatus();
  }

  absl::Status ScanEventTime(size_t end, RecordState* state) {
    uint64_t ignored;
    if (std::exchange(state->has_event_time, true)) {
      return Twice("event_time_us");
    }
    if (!reader_.ReadVarint(&ignored) || reader_.remaining() < end) {
      return Malformed("event_time_us is damaged");
    }
    return absl::OkStatus();
  }

  absl::Status ScanHeader(size_t record_end, RecordState* state) {
    size_t bytes;
    if (!ReadLength(record_end, &bytes))
      return Malformed("a header is cut off");
    if (++state->headers > kHeadersMax) {
      return Limit("headers_max", kHeadersMax, state->headers);
    }
    const size_t end = reader_.remaining() - bytes;
    bool has_name = false;
    bool has_value = false;
    while (reader_.remaining() > end) {
      uint32_t tag;
      if (!reader_.ReadTag(&tag)) return Malformed("a tag is damaged");
      if (tag != kHeaderNameTag && tag != kHeaderValueTag) {
        return UnknownField("a header", tag);
      }
      const bool is_name = tag == kHeaderNameTag;
      if (std::exchange(is_name ? has_name : has_value, true)) {
        return Twice(is_name ? "name of a header" : "value of a header");
      }
      if (!ReadLength(end, &bytes)) return Malformed("a header is cut off");
      state->header_bytes += bytes;
      if (state->header_bytes > kHeaderBytesMax) {
        return Limit("header_bytes_max", kHeaderBytesMax, state->header_bytes);
      }
      if (is_name) {
        absl::Status status = ScanHeaderName(bytes);
        if (!status.ok()) return status;
      } else {
        reader_.Skip(bytes);
      }
    }
    if (reader_.remaining() != end) return Malformed("a header is cut off");
    if (!has_name) return Malformed("a header has no name");
    return absl::OkStatus();
  }

  absl::Status ScanHeaderName(size_t bytes) {
    if (bytes == 0) return Malformed("a header has no name");
    if (bytes > kHeaderNameBytesMax) {
      return Limit("header_name_bytes_max", kHeaderNameBytesMax, bytes);
    }
    char scratch[kHeaderNameBytesMax];
    std::string_view name;
    reader_.View(bytes, scratch, &name);
    if (!IsUtf8(name)) return Malformed("the name of a header is not UTF-8");
    return absl::OkStatus();
  }

  // Reads the length of something that lies before `end`.
  bool ReadLength(size_t end, size_t* bytes) {
    return reader_.ReadLength(bytes) && reader_.remaining() >= end &&
           *bytes <= reader_.remaining() - end;
  }

  absl::Status Malformed(std::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat("record ", records_, ": ", ToAbsl(what)));
  }
  absl::Status Twice(std::string_view field) const {
    return absl::InvalidArgumentError(absl::StrCat(
        "record ", records_, ": there are two of ", ToAbsl(field)));
  }
  absl::Status UnknownField(std::string_view where, uint32_t tag) const {
    return absl::InvalidArgumentError(
        absl::StrCat("record ", records_, ": ", ToAbsl(where), " has field ",
                     FieldNumberOf(tag), " of wire type ",
                     static_cast<uint32_t>(WireTypeOf(tag)),
                     ", which this version does not know"));
  }
  absl::Status Limit(std::string_view name, size_t max, size_t value) const {
    return absl::InvalidArgumentError(absl::StrCat("limit ", ToAbsl(name), " ",
                                                   max, ": record ", records_,
                                                   " has ", value));
  }

  PieceReader reader_;
  const RecordSetLimits limits_;
  uint32_t records_ = 0;  // so far, hence the number of the present one
};

// Takes a length-delimited field's content off the front of `in`.
bool TakeBytes(std::string_view* in, std::string_view* bytes) {
  uint64_t length;
  if (!ReadVarint(in, &length) || length > in->size()) return false;
  *bytes = in->substr(0, length);
  in->remove_prefix(length);
  return true;
}

bool ParseHeader(std::string_view in, HeaderView* header) {
  while (!in.empty()) {
    uint64_t tag;
    if (!ReadVarint(&in, &tag)) return false;
    std::string_view* field = tag == kHeaderNameTag    ? &header->name
                              : tag == kHeaderValueTag ? &header->value
                                                       : nullptr;
    if (field == nullptr || !TakeBytes(&in, field)) return false;
  }
  return true;
}

// Sets all of `record` but its headers, which are appended to `headers`.
template <typename Headers>
bool ParseRecord(std::string_view in, RecordView* record, Headers* headers) {
  while (!in.empty()) {
    uint64_t tag;
    uint64_t number;
    std::string_view bytes;
    if (!ReadVarint(&in, &tag)) return false;
    if (tag == kEventTimeTag) {
      if (!ReadVarint(&in, &number)) return false;
      record->event_time_us = static_cast<int64_t>(number);
      continue;
    }
    if (tag != kKeyTag && tag != kValueTag && tag != kHeadersTag) return false;
    if (!TakeBytes(&in, &bytes)) return false;
    if (tag == kKeyTag) {
      record->key = bytes;
    } else if (tag == kValueTag) {
      record->value = bytes;
    } else {
      headers->emplace_back();
      if (!ParseHeader(bytes, &headers->back())) return false;
    }
  }
  return true;
}

}  // namespace

size_t RecordSetEncoder::EncodedSize(const RecordView& record) {
  return FieldSize(RecordSize(record));
}

void RecordSetEncoder::Add(const RecordView& record) {
  AppendPrefix(&encoded_, kRecordsTag, RecordSize(record));
  if (record.key) AppendField(&encoded_, kKeyTag, *record.key);
  if (record.value) AppendField(&encoded_, kValueTag, *record.value);
  for (const HeaderView& header : record.headers) {
    AppendPrefix(&encoded_, kHeadersTag, HeaderSize(header));
    if (!header.name.empty()) {
      AppendField(&encoded_, kHeaderNameTag, header.name);
    }
    if (!header.value.empty()) {
      AppendField(&encoded_, kHeaderValueTag, header.value);
    }
  }
  if (record.event_time_us) {
    encoded_.push_back(static_cast<char>(kEventTimeTag));
    AppendVarint(&encoded_, static_cast<uint64_t>(*record.event_time_us));
  }
  ++record_count_;
}

std::string RecordSetEncoder::Take() {
  record_count_ = 0;
  return std::exchange(encoded_, std::string());
}

absl::StatusOr<uint32_t> ScanRecordSet(const Payload& payload,
                                       const RecordSetLimits& limits) {
  return RecordSetScanner(payload, limits).Scan();
}

bool RecordSetReader::Next() {
  if (rest_.empty()) return false;
  const std::string_view start = rest_;
  uint64_t tag;
  std::string_view encoded;
  record_ = RecordView();
  headers_.clear();
  if (!ReadVarint(&rest_, &tag) || tag != kRecordsTag ||
      !TakeBytes(&rest_, &encoded) ||
      !ParseRecord(encoded, &record_, &headers_)) {
    record_ = RecordView();
    rest_ = std::string_view();
    status_ = absl::InvalidArgumentError("a stored record set is malformed");
    return false;
  }
  record_.headers = headers_;
  encoded_record_ = start.substr(0, start.size() - rest_.size());
  return true;
}

}  // namespace kappa
