#include "proto/wire/codec.h"

// For ZSTD_decompressBound.
#define ZSTD_STATIC_LINKING_ONLY
#include <lz4frame.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"

namespace kappa {
namespace {

// Fastest regular level: records are compressed on the client's append path.
constexpr int kZstdLevel = 1;

// First bytes of a frame, as a little-endian number. Checked here because both
// libraries also take skippable and historic frames.
constexpr uint32_t kZstdMagic = 0xfd2fb528;
constexpr uint32_t kLz4Magic = 0x184d2204;

constexpr std::array<std::string_view, 3> kNames = {"none", "zstd", "lz4"};

absl::Status Damaged(Codec codec, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(ToAbsl(CodecName(codec)), " frame: ", ToAbsl(what)));
}

absl::Status OverLimit(size_t bytes_max) {
  return absl::InvalidArgumentError(absl::StrCat(
      "limit batch_bytes_max ", bytes_max, ": more bytes would be inflated"));
}

bool BeginsWith(std::string_view frame, uint32_t magic) {
  if (frame.size() < 4) return false;
  for (size_t i = 0; i < 4; ++i) {
    if (static_cast<uint8_t>(frame[i]) != (magic >> (8 * i) & 0xff)) {
      return false;
    }
  }
  return true;
}

absl::StatusOr<std::string> CompressZstd(std::string_view bytes) {
  thread_local const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)>
      context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
  if (context == nullptr) return absl::InternalError("zstd: no context");
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  const size_t written =
      ZSTD_compressCCtx(context.get(), frame.data(), frame.size(), bytes.data(),
                        bytes.size(), kZstdLevel);
  if (ZSTD_isError(written)) {
    return absl::InternalError(
        absl::StrCat("zstd: ", ZSTD_getErrorName(written)));
  }
  frame.resize(written);
  return frame;
}

absl::StatusOr<std::string> CompressLz4(std::string_view bytes) {
  LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
  preferences.frameInfo.blockSizeID = LZ4F_max256KB;
  preferences.frameInfo.contentSize = bytes.size();
  std::string frame(LZ4F_compressFrameBound(bytes.size(), &preferences), '\0');
  const size_t written = LZ4F_compressFrame(
      frame.data(), frame.size(), bytes.data(), bytes.size(), &preferences);
  if (LZ4F_isError(written)) {
    return absl::InternalError(
        absl::StrCat("lz4: ", LZ4F_getErrorName(written)));
  }
  frame.resize(written);
  return frame;
}

// Inflates in one step into the final place, so that the library keeps no
// window of its own, whatever window the frame asks for.
absl::StatusOr<std::string> InflateZstd(std::string_view frame,
                                        size_t bytes_max) {
  if (!BeginsWith(frame, kZstdMagic)) {
    return Damaged(Codec::kZstd, "it does not begin with the magic number");
  }
  const size_t frame_bytes =
      ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  if (ZSTD_isError(frame_bytes)) {
    return Damaged(Codec::kZstd, ZSTD_getErrorName(frame_bytes));
  }
  if (frame_bytes != frame.size()) {
    return Damaged(Codec::kZstd, "bytes follow it");
  }
  unsigned long long bytes =
      ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (bytes == ZSTD_CONTENTSIZE_ERROR) {
    return Damaged(Codec::kZstd, "its header is damaged");
  }
  const bool size_known = bytes != ZSTD_CONTENTSIZE_UNKNOWN;
  if (size_known && bytes > bytes_max) return OverLimit(bytes_max);
  if (!size_known) {
    bytes = std::min<unsigned long long>(
        ZSTD_decompressBound(frame.data(), frame.size()), bytes_max);
  }

  thread_local const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)>
      context(ZSTD_createDCtx(), &ZSTD_freeDCtx);
  if (context == nullptr) return absl::InternalError("zstd: no context");
  std::string inflated(bytes, '\0');
  const size_t written =
      ZSTD_decompressDCtx(context.get(), inflated.data(), inflated.size(),
                          frame.data(), frame.size());
  if (ZSTD_isError(written)) {
    if (!size_known &&
        ZSTD_getErrorCode(written) == ZSTD_error_dstSize_tooSmall) {
      return OverLimit(bytes_max);
    }
    return Damaged(Codec::kZstd, ZSTD_getErrorName(written));
  }
  inflated.resize(written);
  return inflated;
}

// An LZ4F_dctx at the start of a frame.
//
// Thread safety: thread-compatible.
class Lz4Inflater {
 public:
  Lz4Inflater() {
    if (LZ4F_isError(
            LZ4F_createDecompressionContext(&context_, LZ4F_VERSION))) {
      context_ = nullptr;
    }
  }
  ~Lz4Inflater() { LZ4F_freeDecompressionContext(context_); }
  Lz4Inflater(const Lz4Inflater&) = delete;
  Lz4Inflater& operator=(const Lz4Inflater&) = delete;

  absl::StatusOr<std::string> Inflate(std::string_view frame,
                                      size_t bytes_max) {
    if (context_ == nullptr) return absl::InternalError("lz4: no context");
    LZ4F_resetDecompressionContext(context_);
    LZ4F_frameInfo_t info;
    size_t taken = frame.size();
    const size_t result =
        LZ4F_getFrameInfo(context_, &info, frame.data(), &taken);
    if (LZ4F_isError(result)) {
      return Damaged(Codec::kLz4, LZ4F_getErrorName(result));
    }
    if (info.dictID != 0) return Damaged(Codec::kLz4, "it needs a dictionary");
    if (info.contentSize > bytes_max) return OverLimit(bytes_max);
    frame.remove_prefix(taken);
    return InflateBlocks(frame, info.contentSize, bytes_max);
  }

 private:
  // `declared` is the content's size, 0 when the frame does not tell.
  absl::StatusOr<std::string> InflateBlocks(std::string_view rest,
                                            size_t declared, size_t bytes_max) {
    // Room for one byte more than may come out tells "full" from "too much".
    const size_t room = declared != 0 ? declared + 1 : bytes_max + 1;
    std::string inflated(
        declared != 0 ? room : std::min(room, 4 * rest.size() + 1), '\0');
    size_t written = 0;
    while (true) {
      size_t produced = inflated.size() - written;
      size_t taken = rest.size();
      const size_t hint =
          LZ4F_decompress(context_, inflated.data() + written, &produced,
                          rest.data(), &taken, nullptr);
      if (LZ4F_isError(hint)) {
        return Damaged(Codec::kLz4, LZ4F_getErrorName(hint));
      }
      written += produced;
      rest.remove_prefix(taken);
      if (written > bytes_max) return OverLimit(bytes_max);
      if (hint == 0) break;
      if (written == inflated.size()) {
        if (written == room) {
          return Damaged(Codec::kLz4, "it holds more than it declares");
        }
        inflated.resize(std::min(room, 2 * inflated.size()));
      } else if (rest.empty()) {
        return Damaged(Codec::kLz4, "it is cut off");
      }
    }
    if (!rest.empty()) return Damaged(Codec::kLz4, "bytes follow it");
    inflated.resize(written);
    return inflated;
  }

  LZ4F_dctx* context_ = nullptr;
};

absl::StatusOr<std::string> InflateLz4(std::string_view frame,
                                       size_t bytes_max) {
  if (!BeginsWith(frame, kLz4Magic)) {
    return Damaged(Codec::kLz4, "it does not begin with the magic number");
  }
  thread_local Lz4Inflater inflater;
  return inflater.Inflate(frame, bytes_max);
}

absl::StatusOr<std::string> InflateContiguous(Codec codec,
                                              std::string_view frame,
                                              size_t bytes_max) {
  switch (codec) {
    case Codec::kNone:
      if (frame.size() > bytes_max) return OverLimit(bytes_max);
      return std::string(frame);
    case Codec::kZstd:
      return InflateZstd(frame, bytes_max);
    case Codec::kLz4:
      return InflateLz4(frame, bytes_max);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("compression ", static_cast<int>(codec), " is not known"));
}

}  // namespace

std::string_view CodecName(Codec codec) {
  const size_t number = static_cast<size_t>(codec);
  return number < kNames.size() ? kNames[number] : "unknown";
}

absl::StatusOr<Codec> ParseCodecName(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Codec>(i);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("compression \"", ToAbsl(name),
                   "\" is not known; there are none, zstd, lz4"));
}

absl::StatusOr<std::string> Compress(Codec codec, std::string_view bytes) {
  switch (codec) {
    case Codec::kNone:
      return std::string(bytes);
    case Codec::kZstd:
      return CompressZstd(bytes);
    case Codec::kLz4:
      return CompressLz4(bytes);
  }
  return absl::InternalError(
      absl::StrCat("compression ", static_cast<int>(codec), " is not known"));
}

absl::StatusOr<std::string> Inflate(Codec codec, const Payload& compressed,
                                    size_t bytes_max) {
  if (compressed.pieces().size() == 1) {
    return InflateContiguous(codec, compressed.pieces()[0], bytes_max);
  }
  // Joining costs little beside inflating, and lets both libraries write
  // straight to the final place.
  return InflateContiguous(codec, compressed.ToString(), bytes_max);
}

}  // namespace kappa
