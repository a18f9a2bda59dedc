#include "server/peer/frame_reader.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/wire_format.h"
#include "server/peer/peer_limits.h"
#include "server/peer/peer_wire.h"

namespace kappa::server {
namespace {

absl::Status Malformed(std::string_view what, size_t bytes) {
  return absl::InvalidArgumentError(
      absl::StrCat("read frame: ", absl::string_view(what.data(), what.size()),
                   " of ", bytes, " bytes is not well-formed"));
}

absl::Status TooLarge(size_t bytes) {
  return absl::InvalidArgumentError(absl::StrCat(
      "read frame: a message has ", bytes,
      " bytes besides its content, more than ", kPeerHeadBytesMax));
}

void Append(const Payload& bytes, std::string* out) {
  for (std::string_view piece : bytes.pieces()) out->append(piece);
}

// Appends the field that `reader` stands at to `out`, tag included. False when
// it is not well-formed.
bool CopyField(PieceReader* reader, std::string* out) {
  PieceReader start = *reader;
  uint32_t tag;
  if (!reader->ReadTag(&tag) || !reader->SkipField(tag)) return false;
  Payload field;
  if (!start.Take(start.remaining() - reader->remaining(), &field)) {
    return false;
  }
  Append(field, out);
  return true;
}

// Puts the bytes field `blob_field` into `blob`, the last one if there are
// several, as every parser does, and everything else into `rest`.
bool SplitBlob(const Payload& message, uint32_t blob_field, std::string* rest,
               Payload* blob) {
  rest->clear();
  PieceReader reader(message);
  while (reader.remaining() > 0) {
    PieceReader ahead = reader;
    uint32_t tag;
    if (!ahead.ReadTag(&tag)) return false;
    if (tag == WireTag(blob_field, WireType::kBytes)) {
      if (!ahead.TakeBytes(blob)) return false;
      reader = ahead;
    } else if (!CopyField(&reader, rest)) {
      return false;
    }
  }
  return true;
}

}  // namespace

absl::Status FrameReader::Read(const Payload& frame,
                               const std::function<void(PeerMessage)>& take) {
  PieceReader reader(frame);
  frame_bytes_ = frame.bytes();
  clock_us_ = 0;
  cycle_ = 0;
  size_t cost = 0;
  while (reader.remaining() > 0) {
    uint32_t tag;
    if (!reader.ReadTag(&tag)) return Malformed("a frame", frame.bytes());
    if (tag == WireTag(kFrameHelloField, WireType::kBytes)) {
      return absl::InvalidArgumentError("read frame: a second hello");
    }
    if (tag == WireTag(kFrameClockField, WireType::kVarint)) {
      uint64_t clock_us = 0;
      if (!reader.ReadVarint(&clock_us)) {
        return Malformed("a frame", frame.bytes());
      }
      clock_us_ = static_cast<int64_t>(clock_us);
      continue;
    }
    if (tag == WireTag(kFrameCycleField, WireType::kVarint)) {
      if (!reader.ReadVarint(&cycle_)) {
        return Malformed("a frame", frame.bytes());
      }
      if (cost > 0) {
        return absl::InvalidArgumentError(
            "read frame: a cycle after messages, whose promises it covers");
      }
      continue;
    }
    if (tag != WireTag(kFrameMessagesField, WireType::kBytes)) {
      if (!reader.SkipField(tag)) return Malformed("a frame", frame.bytes());
      continue;
    }
    Payload bytes;
    if (!reader.TakeBytes(&bytes)) return Malformed("a frame", frame.bytes());
    PeerMessage message;
    if (absl::Status read = ReadMessage(bytes, &message); !read.ok()) {
      return read;
    }
    cost += CostOf(message);
    if (cost > kPeerMessageBytesMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("read frame: ", frame.bytes(), " bytes become ", cost,
                       " bytes of messages, more than ", kPeerMessageBytesMax));
    }
    take(std::move(message));
  }
  return absl::OkStatus();
}

absl::Status FrameReader::ReadMessage(const Payload& bytes, PeerMessage* out) {
  if (absl::Status split = Split(bytes, &out->contents); !split.ok()) {
    return split;
  }
  if (absl::Status decoded = decoder_.Decode(head_); !decoded.ok()) {
    return decoded;
  }
  DecodedMessage& decoded = decoder_.decoded();
  if (decoded.message.from.node != from_ || decoded.message.to.node != to_) {
    return absl::InvalidArgumentError(absl::StrCat(
        "read frame: a message from node ", decoded.message.from.node.value(),
        " to node ", decoded.message.to.node.value(), " on a stream from node ",
        from_.value(), " to node ", to_.value()));
  }
  if (!decoded.state.empty()) {
    out->state = Payload::FromString(std::string(decoded.state));
  }
  out->message = std::move(decoded.message);
  return absl::OkStatus();
}

absl::Status FrameReader::Split(const Payload& bytes,
                                std::vector<Payload>* contents) {
  head_.clear();
  state_bytes_ = 0;
  PieceReader reader(bytes);
  while (reader.remaining() > 0) {
    PieceReader ahead = reader;
    uint32_t tag;
    Payload field;
    absl::Status added;
    if (!ahead.ReadTag(&tag)) return Malformed("a message", bytes.bytes());
    if (tag == WireTag(kMessageEntriesField, WireType::kBytes) &&
        ahead.TakeBytes(&field)) {
      added = AddEntry(field, contents);
      reader = ahead;
    } else if (tag == WireTag(kMessageChunkField, WireType::kBytes) &&
               ahead.TakeBytes(&field)) {
      added = AddChunk(field);
      reader = ahead;
    } else if (!CopyField(&reader, &head_)) {
      return Malformed("a message", bytes.bytes());
    }
    if (!added.ok()) return added;
    if (head_.size() - state_bytes_ > kPeerHeadBytesMax) {
      return TooLarge(head_.size() - state_bytes_);
    }
  }
  return absl::OkStatus();
}

absl::Status FrameReader::AddEntry(const Payload& entry,
                                   std::vector<Payload>* contents) {
  Payload content;
  if (!SplitBlob(entry, kEntryContentField, &rest_, &content)) {
    return Malformed("an entry", entry.bytes());
  }
  AppendBytesField(&head_, kMessageEntriesField, rest_);
  if (MustCopy(content.bytes())) {
    content = Payload::FromString(content.ToString());
  }
  contents->push_back(std::move(content));
  return absl::OkStatus();
}

bool FrameReader::MustCopy(size_t content_bytes) const {
  return content_bytes > 0 &&
         (content_bytes <= kPeerCopiedBytesMax ||
          content_bytes < frame_bytes_ / kPeerCopiedFramePart);
}

absl::Status FrameReader::AddChunk(const Payload& chunk) {
  Payload state;
  if (!SplitBlob(chunk, kChunkStateField, &rest_, &state)) {
    return Malformed("a chunk", chunk.bytes());
  }
  const size_t state_field = BytesFieldSize(kChunkStateField, state.bytes());
  AppendBytesFieldPrefix(&head_, kMessageChunkField,
                         rest_.size() + state_field);
  head_.append(rest_);
  AppendBytesFieldPrefix(&head_, kChunkStateField, state.bytes());
  Append(state, &head_);
  state_bytes_ += state.bytes();
  return absl::OkStatus();
}

}  // namespace kappa::server
