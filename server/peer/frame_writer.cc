#include "server/peer/frame_writer.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "proto/wire/check.h"
#include "proto/wire/payload.h"
#include "proto/wire/wire_format.h"
#include "server/peer/peer_wire.h"

namespace kappa::server {
namespace {

// Smaller content is copied: a slice costs more than that copy.
constexpr size_t kCopiedBytesMax = 2048;

void Append(WireMessage from, WireMessage* out) {
  for (WireMessage::Part& part : from.TakeParts()) {
    out->text()->append(part.text);
    if (part.payload.bytes() > 0) out->AppendPayload(part.payload, 0);
  }
}

// An entry's field: what the encoder made of it, and then its content.
void AppendEntry(std::string_view entry, const Payload& content,
                 WireMessage* out) {
  std::string* text = out->text();
  if (content.bytes() == 0) {
    AppendBytesField(text, kMessageEntriesField, entry);
    return;
  }
  AppendBytesFieldPrefix(
      text, kMessageEntriesField,
      entry.size() + BytesFieldSize(kEntryContentField, content.bytes()));
  text->append(entry);
  AppendBytesFieldPrefix(text, kEntryContentField, content.bytes());
  out->AppendPayload(content, kCopiedBytesMax);
}

// Takes the entry's field off the front of `head`, which begins with it.
std::string_view TakeEntry(std::string_view* head) {
  uint64_t tag = 0;
  uint64_t size = 0;
  KAPPA_CHECK(
      ReadVarint(head, &tag) && ReadVarint(head, &size) && size <= head->size(),
      "our own encoding");
  const std::string_view entry = head->substr(0, size);
  head->remove_prefix(size);
  return entry;
}

// Size of the field at the front of `head`, tag included.
size_t FieldSize(std::string_view head) {
  const Payload bytes(Payload::Pieces{head}, nullptr);
  PieceReader reader(bytes);
  uint32_t tag = 0;
  KAPPA_CHECK(reader.ReadTag(&tag) && reader.SkipField(tag),
              "our own encoding");
  return reader.position();
}

uint32_t FieldAt(std::string_view head) {
  uint64_t tag = 0;
  KAPPA_CHECK(ReadVarint(&head, &tag), "our own encoding");
  return FieldNumberOf(static_cast<uint32_t>(tag));
}

}  // namespace

WireMessage FrameWriter::Write(const std::vector<PeerMessage>& messages,
                               int64_t clock_us, uint64_t cycle) {
  WireMessage frame;
  if (cycle > 0) AppendVarintField(frame.text(), kFrameCycleField, cycle);
  if (clock_us > 0) {
    AppendVarintField(frame.text(), kFrameClockField,
                      static_cast<uint64_t>(clock_us));
  }
  for (const PeerMessage& message : messages) {
    WireMessage encoded = Encode(message);
    AppendBytesFieldPrefix(frame.text(), kFrameMessagesField, encoded.bytes());
    Append(std::move(encoded), &frame);
  }
  return frame;
}

WireMessage FrameWriter::Encode(const PeerMessage& message) {
  KAPPA_CHECK(message.contents.size() == message.message.entries.size(),
              "a content an entry");
  no_contents_.assign(message.contents.size(), std::string_view());
  std::string joined;
  std::string_view state;
  if (message.state.pieces().size() == 1) {
    state = message.state.pieces()[0];
  } else if (message.state.bytes() > 0) {
    joined = message.state.ToString();
    state = joined;
  }
  encoder_.Encode(message.message, no_contents_, state, &head_);
  WireMessage out;
  std::string_view head = head_;
  for (size_t next = 0; next < message.contents.size();) {
    if (FieldAt(head) == kMessageEntriesField) {
      AppendEntry(TakeEntry(&head), message.contents[next++], &out);
    } else {
      const size_t bytes = FieldSize(head);
      out.text()->append(head.substr(0, bytes));
      head.remove_prefix(bytes);
    }
  }
  out.text()->append(head);
  return out;
}

}  // namespace kappa::server
