#include "proto/wire/sha256.h"

#include <memory>
#include <random>
#include <string>
#include <thread>

#include "gtest/gtest.h"

namespace kappa {
namespace {

// FIPS 180-4 examples.
constexpr char kOfAbc[] =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr char kOfNothing[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr char kOfMillionA[] =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256Test, MatchesPublishedValues) {
  EXPECT_EQ(HexDigest(Sha256("abc")), kOfAbc);
  EXPECT_EQ(HexDigest(Sha256("")), kOfNothing);
  EXPECT_EQ(HexDigest(Sha256(std::string(1'000'000, 'a'))), kOfMillionA);
  EXPECT_EQ(HexDigest(Sha256(Payload())), kOfNothing);
}

TEST(Sha256Test, PiecesGiveTheSameAsTheWhole) {
  std::mt19937_64 random(1);
  auto bytes = std::make_shared<std::string>(500, '\0');
  for (char& c : *bytes) c = static_cast<char>(random());
  for (size_t cut = 0; cut <= bytes->size(); ++cut) {
    const std::string_view whole = *bytes;
    const Payload payload({whole.substr(0, cut), whole.substr(cut)}, bytes);
    ASSERT_EQ(Sha256(payload), Sha256(whole)) << cut;
  }
}

TEST(Sha256Test, HasherBeginsAnewAfterFinish) {
  Sha256Hasher hasher;
  hasher.Update("a");
  hasher.Update("");
  hasher.Update("bc");
  EXPECT_EQ(HexDigest(hasher.Finish()), kOfAbc);
  EXPECT_EQ(HexDigest(hasher.Finish()), kOfNothing);
  hasher.Update("abc");
  EXPECT_EQ(HexDigest(hasher.Finish()), kOfAbc);
}

TEST(Sha256Test, EachThreadHasItsOwnState) {
  Sha256Hasher hasher;
  hasher.Update("ab");
  std::string other;
  std::thread thread([&other] { other = HexDigest(Sha256("abc")); });
  thread.join();
  hasher.Update("c");
  EXPECT_EQ(other, kOfAbc);
  EXPECT_EQ(HexDigest(hasher.Finish()), kOfAbc);
}

}  // namespace
}  // namespace kappa
