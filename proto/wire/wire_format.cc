#include "proto/wire/wire_format.h"

#include <algorithm>
#include <utility>

namespace kappa {

void AppendVarint(std::string* out, uint64_t value) {
  char bytes[kVarintBytesMax];
  out->append(bytes, WriteVarint(bytes, value) - bytes);
}

void AppendVarintField(std::string* out, uint32_t number, uint64_t value) {
  AppendVarint(out, WireTag(number, WireType::kVarint));
  AppendVarint(out, value);
}

void AppendFixed32Field(std::string* out, uint32_t number, uint32_t value) {
  AppendVarint(out, WireTag(number, WireType::kFixed32));
  for (int shift = 0; shift < 32; shift += 8) {
    out->push_back(static_cast<char>(value >> shift));
  }
}

void AppendBytesFieldPrefix(std::string* out, uint32_t number, size_t bytes) {
  AppendVarint(out, WireTag(number, WireType::kBytes));
  AppendVarint(out, bytes);
}

void AppendBytesField(std::string* out, uint32_t number,
                      std::string_view bytes) {
  AppendBytesFieldPrefix(out, number, bytes.size());
  out->append(bytes);
}

namespace {

// Length of the multi-byte character at the front of `text`, 0 when malformed.
// The second byte's range excludes overlong forms, surrogates and what lies
// above U+10FFFF (Unicode 15, table 3-7).
size_t Utf8CharacterBytes(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  const size_t bytes = lead < 0xc2   ? 0
                       : lead < 0xe0 ? 2
                       : lead < 0xf0 ? 3
                       : lead < 0xf5 ? 4
                                     : 0;
  if (bytes == 0 || text.size() < bytes) return 0;
  const uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return bytes;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    if (static_cast<uint8_t>(text[0]) < 0x80) {
      text.remove_prefix(1);
      continue;
    }
    const size_t bytes = Utf8CharacterBytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

void PieceReader::EnterPiece(size_t index) {
  const Payload::Pieces& pieces = payload_->pieces();
  while (index < pieces.size() && pieces[index].empty()) ++index;
  index_ = index;
  if (index == pieces.size()) {
    at_ = end_ = nullptr;
    return;
  }
  at_ = pieces[index].data();
  end_ = at_ + pieces[index].size();
}

bool PieceReader::ReadLongVarint(uint64_t* value) {
  uint64_t result = 0;
  for (size_t i = 0; i < kVarintBytesMax; ++i) {
    if (remaining_ == 0) return false;
    const uint64_t byte = static_cast<uint8_t>(*at_);
    Advance(1);
    if (i == kVarintBytesMax - 1 && byte > 1) return false;
    result |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      *value = result;
      return true;
    }
  }
  return false;
}

void PieceReader::Copy(size_t bytes, char* out) {
  while (bytes > 0) {
    const size_t here = std::min(bytes, static_cast<size_t>(end_ - at_));
    std::memcpy(out, at_, here);
    out += here;
    bytes -= here;
    Advance(here);
  }
}

bool PieceReader::ReadFixed32(uint32_t* value) {
  uint8_t bytes[4];
  if (remaining_ < sizeof(bytes)) return false;
  Copy(sizeof(bytes), reinterpret_cast<char*>(bytes));
  *value = 0;
  for (size_t i = 0; i < sizeof(bytes); ++i) {
    *value |= static_cast<uint32_t>(bytes[i]) << (8 * i);
  }
  return true;
}

bool PieceReader::ReadFixed64(uint64_t* value) {
  uint8_t bytes[8];
  if (remaining_ < sizeof(bytes)) return false;
  Copy(sizeof(bytes), reinterpret_cast<char*>(bytes));
  *value = 0;
  for (size_t i = 0; i < sizeof(bytes); ++i) {
    *value |= static_cast<uint64_t>(bytes[i]) << (8 * i);
  }
  return true;
}

bool PieceReader::SkipPieces(size_t bytes) {
  if (bytes > remaining_) return false;
  while (bytes > 0) {
    const size_t here = std::min(bytes, static_cast<size_t>(end_ - at_));
    bytes -= here;
    Advance(here);
  }
  return true;
}

bool PieceReader::SkipField(uint32_t tag) {
  uint64_t ignored;
  size_t bytes;
  switch (WireTypeOf(tag)) {
    case WireType::kVarint:
      return ReadVarint(&ignored);
    case WireType::kFixed64:
      return Skip(8);
    case WireType::kBytes:
      return ReadLength(&bytes) && Skip(bytes);
    case WireType::kFixed32:
      return Skip(4);
    case WireType::kGroupStart:
    case WireType::kGroupEnd:
      break;
  }
  return false;
}

bool PieceReader::Take(size_t bytes, Payload* taken) {
  if (bytes > remaining_) return false;
  Payload::Pieces pieces;
  while (bytes > 0) {
    const size_t here = std::min(bytes, static_cast<size_t>(end_ - at_));
    pieces.push_back(std::string_view(at_, here));
    bytes -= here;
    Advance(here);
  }
  *taken = Payload(std::move(pieces), payload_->owner());
  return true;
}

bool PieceReader::ReadBytes(size_t bytes_max, std::string* bytes) {
  size_t length;
  if (!ReadLength(&length) || length > bytes_max) return false;
  bytes->resize(length);
  Copy(length, bytes->data());
  return true;
}

bool PieceReader::View(size_t bytes, char* scratch, std::string_view* view) {
  if (bytes > remaining_) return false;
  if (bytes <= static_cast<size_t>(end_ - at_)) {
    *view = std::string_view(at_, bytes);
    if (bytes > 0) Advance(bytes);
    return true;
  }
  Copy(bytes, scratch);
  *view = std::string_view(scratch, bytes);
  return true;
}

}  // namespace kappa
