// CRC32C (Castagnoli, reflected, initial and final xor 0xffffffff), the
// checksum of every payload and header; uses SSE 4.2 when the processor has it.
#ifndef KAPPA_PROTO_WIRE_CRC32C_H_
#define KAPPA_PROTO_WIRE_CRC32C_H_

#include <cstdint>
#include <string_view>

#include "proto/wire/payload.h"

namespace kappa {

// The CRC of what `crc` covered followed by `data`; start with 0.
uint32_t ExtendCrc32c(uint32_t crc, std::string_view data);

inline uint32_t Crc32c(std::string_view data) { return ExtendCrc32c(0, data); }

// Over all pieces in order.
uint32_t Crc32c(const Payload& payload);

// The same by a table, on any processor; what tests compare with.
uint32_t ExtendCrc32cPortable(uint32_t crc, std::string_view data);

// "sse4.2" or "table": which one ExtendCrc32c runs.
std::string_view Crc32cVariant();

}  // namespace kappa

#endif  // KAPPA_PROTO_WIRE_CRC32C_H_
