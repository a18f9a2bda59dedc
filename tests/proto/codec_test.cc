#include "proto/wire/codec.h"

#include <lz4frame.h>
#include <zstd.h>

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/wire/record_set.h"
#include "proto/wire/string_view.h"
#include "tests/proto/random_records.h"

namespace kappa {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr size_t kNoLimit = 64 * 1024 * 1024;

std::string Message(const absl::StatusOr<std::string>& result) {
  return std::string(ToStd(result.status().message()));
}

absl::StatusOr<std::string> InflateString(Codec codec, std::string frame,
                                          size_t bytes_max = kNoLimit) {
  return Inflate(codec, Payload::FromString(std::move(frame)), bytes_max);
}

// A frame that does not tell how much it holds, as streaming writers make it.
std::string FrameWithoutSize(Codec codec, std::string_view bytes) {
  std::string frame;
  if (codec == Codec::kZstd) {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    frame.resize(ZSTD_compressBound(bytes.size()));
    frame.resize(ZSTD_compress2(context, frame.data(), frame.size(),
                                bytes.data(), bytes.size()));
    ZSTD_freeCCtx(context);
  } else {
    frame.resize(LZ4F_compressFrameBound(bytes.size(), nullptr));
    frame.resize(LZ4F_compressFrame(frame.data(), frame.size(), bytes.data(),
                                    bytes.size(), nullptr));
  }
  return frame;
}

// Some random, some that repeats.
std::string HalfRandom(Random& random, size_t bytes) {
  std::string out = RandomBytes(random, bytes / 2);
  out.resize(bytes, 'x');
  return out;
}

class CodecTest : public testing::TestWithParam<Codec> {
 protected:
  Codec codec() const { return GetParam(); }
  std::string CompressOrDie(std::string_view bytes) {
    return Compress(codec(), bytes).value();
  }
};

TEST_P(CodecTest, RoundTripsEverySize) {
  Random random(1);
  std::vector<size_t> sizes = {
      0,      1,       2,       65'535,    65'536,
      65'537, 262'144, 262'145, 1'000'000, kBatchBytesMax};
  for (int i = 0; i < 200; ++i) sizes.push_back(random() % 100'000);
  for (size_t size : sizes) {
    const std::string bytes = HalfRandom(random, size);
    const absl::StatusOr<std::string> inflated =
        InflateString(codec(), CompressOrDie(bytes), size);
    ASSERT_TRUE(inflated.ok()) << size << inflated.status();
    ASSERT_TRUE(*inflated == bytes) << size;
  }
}

TEST_P(CodecTest, InflatesFramesThatDoNotTellTheirSize) {
  Random random(2);
  for (size_t size : {0, 1, 1'000, 65'536, 300'000, 3'000'000}) {
    const std::string bytes = HalfRandom(random, size);
    const std::string frame = FrameWithoutSize(codec(), bytes);
    const absl::StatusOr<std::string> inflated =
        InflateString(codec(), frame, size);
    ASSERT_TRUE(inflated.ok()) << size << inflated.status();
    ASSERT_TRUE(*inflated == bytes) << size;
    if (size > 0) {
      EXPECT_THAT(Message(InflateString(codec(), frame, size - 1)),
                  StartsWith("limit batch_bytes_max "));
    }
  }
}

TEST_P(CodecTest, InflatesPieces) {
  Random random(3);
  const std::string bytes = HalfRandom(random, 10'000);
  const std::string frame = CompressOrDie(bytes);
  for (int i = 0; i < 200; ++i) {
    const absl::StatusOr<std::string> inflated =
        Inflate(codec(), CutAtRandom(random, frame), kNoLimit);
    ASSERT_TRUE(inflated.ok()) << inflated.status();
    ASSERT_EQ(*inflated, bytes);
  }
}

TEST_P(CodecTest, TheLimitHoldsExactly) {
  const std::string bytes(100'000, 'x');
  const std::string frame = CompressOrDie(bytes);
  EXPECT_TRUE(InflateString(codec(), frame, 100'000).ok());
  const absl::StatusOr<std::string> over =
      InflateString(codec(), frame, 99'999);
  EXPECT_EQ(over.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(over), StartsWith("limit batch_bytes_max 99999"));
}

TEST_P(CodecTest, ABombIsRefused) {
  // About 0.5 GB from a small frame, told and not told.
  const std::string zeros(500'000'000, '\0');
  for (const std::string& frame :
       {CompressOrDie(zeros), FrameWithoutSize(codec(), zeros)}) {
    EXPECT_LT(frame.size(), zeros.size() / 200);
    const absl::StatusOr<std::string> result =
        InflateString(codec(), frame, kBatchBytesDefault);
    EXPECT_THAT(Message(result), StartsWith("limit batch_bytes_max 3145728"));
  }
}

TEST_P(CodecTest, EveryTruncationIsRefused) {
  Random random(4);
  const std::string bytes = HalfRandom(random, 2'000);
  for (const std::string& frame :
       {CompressOrDie(bytes), FrameWithoutSize(codec(), bytes)}) {
    for (size_t size = 0; size < frame.size(); ++size) {
      const absl::StatusOr<std::string> result =
          InflateString(codec(), frame.substr(0, size));
      ASSERT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument)
          << size;
      ASSERT_THAT(Message(result), testing::Not(StartsWith("limit ")));
    }
  }
}

TEST_P(CodecTest, BytesBehindTheFrameAreRefused) {
  const std::string frame = CompressOrDie("some records");
  EXPECT_THAT(Message(InflateString(codec(), frame + "x")),
              HasSubstr("bytes follow it"));
  EXPECT_THAT(Message(InflateString(codec(), frame + frame)),
              HasSubstr("bytes follow it"));
}

TEST_P(CodecTest, OtherKindsOfFrameAreRefused) {
  const std::string frame = CompressOrDie("some records");
  // A skippable frame of 4 bytes: legal for both libraries.
  const std::string skippable("\x50\x2a\x4d\x18\x04\x00\x00\x00xxxx", 12);
  const Codec other = codec() == Codec::kZstd ? Codec::kLz4 : Codec::kZstd;
  for (const std::string& bad :
       {skippable, skippable + frame, std::string("not a frame"),
        Compress(other, "some records").value()}) {
    EXPECT_THAT(Message(InflateString(codec(), bad)),
                HasSubstr("does not begin with the magic number"));
  }
}

TEST_P(CodecTest, DamageNeverYieldsMoreThanTheLimit) {
  Random random(5);
  const std::string bytes = HalfRandom(random, 5'000);
  const std::string frames[] = {CompressOrDie(bytes),
                                FrameWithoutSize(codec(), bytes)};
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string frame = frames[i % 2];
    for (size_t n = 1 + random() % 3; n > 0; --n) {
      frame[4 + random() % (frame.size() - 4)] = static_cast<char>(random());
    }
    const absl::StatusOr<std::string> result =
        Inflate(codec(), CutAtRandom(random, frame), 6'000);
    if (result.ok()) {
      ASSERT_LE(result->size(), 6'000u);
    } else {
      ASSERT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
      ++refused;
    }
    // The context that met the damage still works.
    if (i % 100 == 0) {
      ASSERT_EQ(InflateString(codec(), frames[0]).value(), bytes);
    }
  }
  EXPECT_GT(refused, 100);
}

INSTANTIATE_TEST_SUITE_P(Codecs, CodecTest,
                         testing::Values(Codec::kZstd, Codec::kLz4),
                         [](const auto& info) {
                           return std::string(CodecName(info.param));
                         });

TEST(NoCodecTest, CopiesWithinTheLimit) {
  EXPECT_EQ(Compress(Codec::kNone, "abc").value(), "abc");
  EXPECT_EQ(InflateString(Codec::kNone, "abc", 3).value(), "abc");
  EXPECT_THAT(Message(InflateString(Codec::kNone, "abc", 2)),
              StartsWith("limit batch_bytes_max 2"));
}

TEST(CodecNameTest, NamesReadBack) {
  for (Codec codec : {Codec::kNone, Codec::kZstd, Codec::kLz4}) {
    EXPECT_EQ(ParseCodecName(CodecName(codec)).value(), codec);
  }
  EXPECT_EQ(CodecName(Codec::kZstd), "zstd");
  const absl::Status unknown = ParseCodecName("gzip").status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(ToStd(unknown.message())), HasSubstr("\"gzip\""));
}

TEST(CodecNameTest, AnUnknownNumberIsRefused) {
  const Codec unknown = static_cast<Codec>(9);
  EXPECT_EQ(CodecName(unknown), "unknown");
  EXPECT_FALSE(Compress(unknown, "abc").ok());
  EXPECT_EQ(InflateString(unknown, "abc").status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kappa
