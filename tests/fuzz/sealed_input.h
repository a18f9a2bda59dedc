// SealWithCrc32c: lets a fuzzer past a checksum that it could not guess.
#ifndef KAPPA_TESTS_FUZZ_SEALED_INPUT_H_
#define KAPPA_TESTS_FUZZ_SEALED_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/wire/check.h"
#include "proto/wire/crc32c.h"
#include "storage/fixed_width.h"

namespace kappa {

inline std::string_view InputBytes(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// `body` and its CRC32C, as a row of the family `meta` ends.
inline std::string SealWithCrc32c(std::string_view body) {
  std::string sealed(body);
  storage::AppendLittleEndian(Crc32c(body), &sealed);
  return sealed;
}

// Decodes `input` as it is and with a right checksum behind it. What decodes
// must keep its value when it is encoded and decoded again.
template <typename Decode, typename Encode>
void CheckRowDecoder(std::string_view input, Decode decode, Encode encode) {
  for (const std::string& row : {std::string(input), SealWithCrc32c(input)}) {
    const auto value = decode(row);
    if (!value.ok()) continue;
    const std::string encoded = encode(*value);
    const auto again = decode(encoded);
    KAPPA_CHECK(again.ok(), "an encoded row does not decode");
    KAPPA_CHECK(encode(*again) == encoded, "a row changes when it is copied");
  }
}

}  // namespace kappa

#endif  // KAPPA_TESTS_FUZZ_SEALED_INPUT_H_
