// Fuzzing the decoder of what other nodes say: whatever it accepts can be
// encoded, and the other end then hears the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/wire/check.h"
#include "server/message_decoder.h"
#include "server/message_encoder.h"
#include "tests/fuzz/sealed_input.h"

namespace {

std::string EncodeAgain(const kappa::DecodedMessage& decoded) {
  kappa::MessageEncoder encoder;
  std::string bytes;
  encoder.Encode(decoded.message, decoded.contents, decoded.state, &bytes);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // One decoder for all inputs, as for all messages of a connection.
  static kappa::MessageDecoder decoder;
  if (!decoder.Decode(kappa::InputBytes(data, size)).ok()) return 0;
  const kappa::DecodedMessage& decoded = decoder.decoded();
  KAPPA_CHECK(decoded.contents.size() == decoded.message.entries.size(),
              "each entry has its content");
  const std::string encoded = EncodeAgain(decoded);
  kappa::MessageDecoder other;
  KAPPA_CHECK(other.Decode(encoded).ok(), "an encoded message does not decode");
  KAPPA_CHECK(EncodeAgain(other.decoded()) == encoded,
              "a message changes when it is passed on");
  return 0;
}
