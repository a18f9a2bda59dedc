// The protobuf wire format in small pieces: what hand-written scanners and
// encoders of the hot path share. Messages are never made into objects here.
//
// A field is a tag (varint: number << 3 | wire type) and then a varint, 4 or 8
// bytes little-endian, or a length (varint) with that many bytes. Fields come
// in any order.
#ifndef KAPPA_PROTO_WIRE_WIRE_FORMAT_H_
#define KAPPA_PROTO_WIRE_WIRE_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "proto/wire/payload.h"

namespace kappa {

enum class WireType : uint32_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kGroupStart = 3,
  kGroupEnd = 4,
  kFixed32 = 5,
};

// Bytes of the longest varint.
inline constexpr size_t kVarintBytesMax = 10;

// The tag of field `number` (1 to 2^29 - 1) of that wire type. A constant of it
// serves as a case label.
constexpr uint32_t WireTag(uint32_t number, WireType type) {
  return number << 3 | static_cast<uint32_t>(type);
}
constexpr uint32_t FieldNumberOf(uint32_t tag) { return tag >> 3; }
constexpr WireType WireTypeOf(uint32_t tag) {
  return static_cast<WireType>(tag & 7);
}

// Bytes of the encoded varint, 1 to 10.
constexpr size_t VarintSize(uint64_t value) {
  const int bits = 64 - __builtin_clzll(value | 1);
  return static_cast<size_t>((bits + 6) / 7);
}
// Bytes of a whole field, tag included.
constexpr size_t VarintFieldSize(uint32_t number, uint64_t value) {
  return VarintSize(WireTag(number, WireType::kVarint)) + VarintSize(value);
}
constexpr size_t BytesFieldSize(uint32_t number, size_t bytes) {
  return VarintSize(WireTag(number, WireType::kBytes)) + VarintSize(bytes) +
         bytes;
}
constexpr size_t Fixed32FieldSize(uint32_t number) {
  return VarintSize(WireTag(number, WireType::kFixed32)) + 4;
}

// Writes the varint at `out`, which has room for it (VarintSize), and returns
// the place after it.
inline char* WriteVarint(char* out, uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}

// Appending to a string.
void AppendVarint(std::string* out, uint64_t value);
void AppendVarintField(std::string* out, uint32_t number, uint64_t value);
void AppendFixed32Field(std::string* out, uint32_t number, uint32_t value);
void AppendBytesField(std::string* out, uint32_t number,
                      std::string_view bytes);
// Tag and length of a field whose `bytes` bytes of content follow: what goes
// before a payload that is passed on by reference.
void AppendBytesFieldPrefix(std::string* out, uint32_t number, size_t bytes);

// Takes a varint off the front of `in`. False, with `in` as it was, when it is
// cut off or does not fit 64 bits. Longer encodings than needed are accepted,
// as every protobuf parser does.
inline bool ReadVarint(std::string_view* in, uint64_t* value) {
  const size_t bytes_max =
      in->size() < kVarintBytesMax ? in->size() : kVarintBytesMax;
  uint64_t result = 0;
  for (size_t i = 0; i < bytes_max; ++i) {
    const uint64_t byte = static_cast<uint8_t>((*in)[i]);
    if (i == kVarintBytesMax - 1 && byte > 1) return false;
    result |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      in->remove_prefix(i + 1);
      *value = result;
      return true;
    }
  }
  return false;
}

// Whether `text` is well-formed UTF-8 (no surrogates, no overlong forms, at
// most U+10FFFF): what a protobuf parser demands of a `string`.
bool IsUtf8(std::string_view text);

// A cursor over the pieces of a Payload that reads the wire format without
// joining them.
//
//   PieceReader reader(message);
//   while (reader.remaining() > 0) {
//     uint32_t tag;
//     if (!reader.ReadTag(&tag)) return Malformed();
//     switch (tag) {
//       case WireTag(3, WireType::kVarint):
//         if (!reader.ReadVarint(&partition)) return Malformed();
//         break;
//       case WireTag(4, WireType::kBytes):
//         if (!reader.TakeBytes(&batch)) return Malformed();  // no copy
//         break;
//       default:
//         if (!reader.SkipField(tag)) return Malformed();
//     }
//   }
//
// An embedded message is read by a PieceReader over what TakeBytes gave.
// Functions return false on bytes that are not well-formed or cut off; then the
// position is unspecified and the input must be refused. No input makes it read
// outside the pieces.
//
// Thread safety: thread-compatible. Borrows the payload, which must outlive it.
class PieceReader {
 public:
  explicit PieceReader(const Payload& payload)
      : payload_(&payload), remaining_(payload.bytes()) {
    EnterPiece(0);
  }
  explicit PieceReader(Payload&&) = delete;

  // Bytes not read yet, in all pieces.
  size_t remaining() const { return remaining_; }
  // Bytes read so far.
  size_t position() const { return payload_->bytes() - remaining_; }

  // Any varint that fits 64 bits.
  bool ReadVarint(uint64_t* value) {
    if (at_ != end_ && static_cast<uint8_t>(*at_) < 0x80) [[likely]] {
      *value = static_cast<uint8_t>(*at_);
      Advance(1);
      return true;
    }
    return ReadLongVarint(value);
  }

  // A tag: a varint of at most 5 bytes with a field number other than 0.
  bool ReadTag(uint32_t* tag) {
    const size_t before = remaining_;
    uint64_t value;
    if (!ReadVarint(&value) || before - remaining_ > 5) return false;
    *tag = static_cast<uint32_t>(value);
    return value <= 0xffffffff && FieldNumberOf(*tag) != 0;
  }

  // A length: a varint of at most 5 bytes that is not above remaining().
  bool ReadLength(size_t* bytes) {
    const size_t before = remaining_;
    uint64_t value;
    if (!ReadVarint(&value) || before - remaining_ > 5) return false;
    *bytes = static_cast<size_t>(value);
    return value <= remaining_ && value < (uint64_t{1} << 31) - 16;
  }

  bool ReadFixed32(uint32_t* value);
  bool ReadFixed64(uint64_t* value);

  // Passes over `bytes` bytes.
  bool Skip(size_t bytes) {
    if (bytes < static_cast<size_t>(end_ - at_)) [[likely]] {
      Advance(bytes);
      return true;
    }
    return SkipPieces(bytes);
  }

  // Passes over a field's content after its tag. Groups are refused.
  bool SkipField(uint32_t tag);

  // The next `bytes` bytes as a Payload that shares the owner; copies nothing.
  bool Take(size_t bytes, Payload* taken);

  // The content of a length-delimited field (a length, then as many bytes).
  bool TakeBytes(Payload* taken) {
    size_t bytes;
    return ReadLength(&bytes) && Take(bytes, taken);
  }

  // The same as a copy; refused when longer than `bytes_max`.
  bool ReadBytes(size_t bytes_max, std::string* bytes);

  // The next `bytes` bytes as a view: into the payload when they lie in one
  // piece, else copied to `scratch`, which has room for them.
  bool View(size_t bytes, char* scratch, std::string_view* view);

 private:
  // Makes piece number `index`, or the first one after it that is not empty,
  // current.
  void EnterPiece(size_t index);
  // Within the current piece.
  void Advance(size_t bytes) {
    at_ += bytes;
    remaining_ -= bytes;
    if (at_ == end_) [[unlikely]]
      EnterPiece(index_ + 1);
  }
  bool ReadLongVarint(uint64_t* value);
  bool SkipPieces(size_t bytes);
  // Copies the next `bytes` bytes. Requires: bytes <= remaining().
  void Copy(size_t bytes, char* out);

  const Payload* payload_;
  size_t index_ = 0;  // of the current piece
  // Unread part of the current piece; empty only when remaining_ is 0.
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  size_t remaining_;
};

}  // namespace kappa

#endif  // KAPPA_PROTO_WIRE_WIRE_FORMAT_H_
