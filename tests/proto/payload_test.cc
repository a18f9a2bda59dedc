#include "proto/wire/payload.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"

namespace kappa {
namespace {

TEST(PayloadTest, HoldsTheBytesOfAString) {
  // Short enough to live inside the string object: the view must follow it.
  for (const std::string& text :
       {std::string("short"), std::string(1'000, 'x'), std::string()}) {
    const Payload payload = Payload::FromString(text);
    EXPECT_EQ(payload.bytes(), text.size());
    EXPECT_EQ(payload.ToString(), text);
  }
}

TEST(PayloadTest, JoinsItsPieces) {
  const Payload payload({"ab", "", "cde"}, nullptr);
  EXPECT_EQ(payload.bytes(), 5u);
  EXPECT_EQ(payload.ToString(), "abcde");
  EXPECT_EQ(payload.pieces().size(), 3u);
}

TEST(PayloadTest, CopiesShareTheOwner) {
  auto owner = std::make_shared<const std::string>("bytes");
  const std::weak_ptr<const std::string> watch = owner;
  Payload copy;
  {
    const Payload payload({std::string_view(*owner)}, owner);
    owner.reset();
    copy = payload;
  }
  ASSERT_FALSE(watch.expired());
  EXPECT_EQ(copy.pieces()[0].data(), watch.lock()->data());
  copy = Payload();
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace kappa
