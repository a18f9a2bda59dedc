#include "server/rpc/wire_message.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

constexpr size_t kCopiedBytesMax = 100;

TEST(WireMessageTest, SmallPayloadsAreCopiedAndLargeOnesReferredTo) {
  WireMessage message;
  const Payload small = Payload::FromString(std::string(100, 's'));
  const Payload large = Payload::FromString(std::string(101, 'l'));
  message.text()->append("a");
  message.AppendPayload(small, kCopiedBytesMax);
  message.text()->append("b");
  message.AppendPayload(large, kCopiedBytesMax);
  message.text()->append("c");
  ASSERT_EQ(message.parts().size(), 2u);
  EXPECT_EQ(message.parts()[0].payload.owner(), large.owner());
  EXPECT_EQ(message.bytes(), 204u);
  EXPECT_EQ(message.ToString(),
            "a" + std::string(100, 's') + "b" + std::string(101, 'l') + "c");
}

TEST(WireMessageTest, MuchTextIsContinuedInFurtherParts) {
  WireMessage message;
  std::string expected;
  for (int i = 0; i < 5'000; ++i) {
    const std::string piece = std::to_string(i) + std::string(90, 'x');
    message.text()->append("head");
    message.AppendPayload(Payload::FromString(piece), kCopiedBytesMax);
    expected += "head" + piece;
  }
  EXPECT_EQ(message.bytes(), expected.size());
  EXPECT_GT(message.parts().size(), 10u);
  for (const WireMessage::Part& part : message.parts()) {
    EXPECT_LT(part.text.size(), WireMessage::kTextBytes + kCopiedBytesMax);
  }
  EXPECT_EQ(message.ToString(), expected);
}

}  // namespace
}  // namespace kappa::server
