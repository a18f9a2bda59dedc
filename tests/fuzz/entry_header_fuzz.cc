// Fuzzing the decoder of entry headers: there is one encoding of a header.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/wire/crc32c.h"
#include "storage/entry_header.h"
#include "storage/fixed_width.h"
#include "tests/fuzz/sealed_input.h"

namespace {

// Where the length of the extension stands (storage/entry_header.cc).
constexpr size_t kExtensionBytesAt = 144;

void CheckHeader(std::string_view value) {
  const auto decoded = kappa::storage::DecodeEntryHeader(value);
  if (!decoded.ok()) return;
  KAPPA_CHECK(decoded->header_bytes <= value.size(), "header passes its end");
  std::string again;
  kappa::storage::EncodeEntryHeader(decoded->header, &again);
  KAPPA_CHECK(again == value.substr(0, decoded->header_bytes),
              "a header with two encodings");
}

// `value` with the right checksum where the header says that it is.
std::string WithCrc32c(std::string_view value) {
  std::string sealed(value);
  if (sealed.size() < kExtensionBytesAt + 2) return sealed;
  const size_t crc_at = kExtensionBytesAt + 2 +
                        kappa::storage::LoadLittleEndian<uint16_t>(
                            sealed.data() + kExtensionBytesAt);
  if (sealed.size() < crc_at) return sealed;
  std::string crc;
  kappa::storage::AppendLittleEndian(
      kappa::Crc32c(std::string_view(sealed).substr(0, crc_at)), &crc);
  sealed.resize(std::max(sealed.size(), crc_at + crc.size()));
  return sealed.replace(crc_at, crc.size(), crc);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = kappa::InputBytes(data, size);
  CheckHeader(input);
  CheckHeader(WithCrc32c(input));
  return 0;
}
