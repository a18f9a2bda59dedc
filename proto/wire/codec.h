// Compression codecs for record sets: Zstandard and LZ4 frames.
#ifndef KAPPA_PROTO_WIRE_CODEC_H_
#define KAPPA_PROTO_WIRE_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proto/wire/payload.h"

namespace kappa {

// The numbers of kappa.v1.Compression, usable without protobuf.
enum class Codec : uint8_t { kNone = 0, kZstd = 1, kLz4 = 2 };

// "none", "zstd", "lz4".
std::string_view CodecName(Codec codec);
// Errors: INVALID_ARGUMENT naming the value.
absl::StatusOr<Codec> ParseCodecName(std::string_view name);

// Compresses into one frame. kNone returns a copy.
// Errors: INTERNAL when the library fails.
absl::StatusOr<std::string> Compress(Codec codec, std::string_view bytes);

// Inflates exactly one frame. Stops as soon as more than `bytes_max` would come
// out, having allocated no more than that (plus a bounded codec context).
// Errors: INVALID_ARGUMENT: damaged, trailing bytes, or over the limit (message
// begins with "limit ").
absl::StatusOr<std::string> Inflate(Codec codec, const Payload& compressed,
                                    size_t bytes_max);

}  // namespace kappa

#endif  // KAPPA_PROTO_WIRE_CODEC_H_
