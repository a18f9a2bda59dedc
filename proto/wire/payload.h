// Payload: the bytes of a batch, by reference, from socket to disk and back.
#ifndef KAPPA_PROTO_WIRE_PAYLOAD_H_
#define KAPPA_PROTO_WIRE_PAYLOAD_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/inlined_vector.h"

namespace kappa {

// Bytes in one or more pieces, kept alive by a shared owner (a network buffer,
// a pinned block, a string). Copying a Payload copies no bytes.
//
// Thread safety: thread-compatible; the bytes are immutable.
class Payload {
 public:
  using Pieces = absl::InlinedVector<std::string_view, 4>;

  Payload() = default;
  Payload(Pieces pieces, std::shared_ptr<const void> owner)
      : pieces_(std::move(pieces)), owner_(std::move(owner)) {
    for (std::string_view piece : pieces_) bytes_ += piece.size();
  }

  // Takes over `bytes`.
  static Payload FromString(std::string bytes) {
    auto owner = std::make_shared<const std::string>(std::move(bytes));
    Pieces pieces{std::string_view(*owner)};
    return Payload(std::move(pieces), std::move(owner));
  }

  // Total length.
  size_t bytes() const { return bytes_; }
  const Pieces& pieces() const { return pieces_; }
  const std::shared_ptr<const void>& owner() const { return owner_; }

  // A contiguous copy.
  std::string ToString() const {
    std::string out;
    out.reserve(bytes_);
    for (std::string_view piece : pieces_) out.append(piece);
    return out;
  }

 private:
  Pieces pieces_;
  size_t bytes_ = 0;
  std::shared_ptr<const void> owner_;
};

}  // namespace kappa

#endif  // KAPPA_PROTO_WIRE_PAYLOAD_H_
