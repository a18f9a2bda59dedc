// WireMessage: an encoded message made of own text and of payloads that belong
// to someone else, in order.
#ifndef KAPPA_SERVER_RPC_WIRE_MESSAGE_H_
#define KAPPA_SERVER_RPC_WIRE_MESSAGE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/wire/payload.h"

namespace kappa::server {

// Thread safety: thread-compatible.
class WireMessage {
 public:
  // Text, and then a payload; either may be empty.
  struct Part {
    std::string text;
    Payload payload;
  };

  // Text of so many bytes is continued in another part: one text for many small
  // batches would be copied again and again as it grows, and the kernel would
  // give and take its pages for every message.
  static constexpr size_t kTextBytes = size_t{32} << 10;

  // The text that further fields are appended to. Ask again after each payload.
  std::string* text() {
    if (parts_.empty() || parts_.back().payload.bytes() > 0 ||
        parts_.back().text.size() >= kTextBytes) {
      parts_.emplace_back();
    }
    return &parts_.back().text;
  }

  // Adds a payload's bytes: copied up to `copied_bytes_max`, else by reference.
  void AppendPayload(const Payload& payload, size_t copied_bytes_max) {
    std::string* last = text();
    if (payload.bytes() <= copied_bytes_max) {
      for (std::string_view piece : payload.pieces()) last->append(piece);
    } else {
      parts_.back().payload = payload;
    }
  }

  // Total length.
  size_t bytes() const {
    size_t bytes = 0;
    for (const Part& part : parts_) {
      bytes += part.text.size() + part.payload.bytes();
    }
    return bytes;
  }

  const std::vector<Part>& parts() const { return parts_; }
  // Hands the parts over; the message is empty afterwards.
  std::vector<Part> TakeParts() { return std::exchange(parts_, {}); }

  // A contiguous copy.
  std::string ToString() const {
    std::string out;
    for (const Part& part : parts_) {
      out += part.text;
      for (std::string_view piece : part.payload.pieces()) out.append(piece);
    }
    return out;
  }

 private:
  std::vector<Part> parts_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_WIRE_MESSAGE_H_
