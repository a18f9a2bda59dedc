#include "server/rpc/page_token.h"

#include <string>

#include "gtest/gtest.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

TEST(PageTokenTest, GivesBackTheName) {
  EXPECT_EQ(*ParsePageToken("or", MakePageToken("or", "orders")), "orders");
  EXPECT_EQ(*ParsePageToken("", MakePageToken("", "z")), "z");
}

TEST(PageTokenTest, BelongsToItsPrefix) {
  const absl::Status status =
      ParsePageToken("o", MakePageToken("or", "orders")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorInfoOf(status).reason(), "INVALID_PAGE_TOKEN");
}

TEST(PageTokenTest, AnyDamageIsSeen) {
  const std::string token = MakePageToken("or", "orders");
  for (size_t i = 0; i < token.size(); ++i) {
    std::string damaged = token;
    damaged[i] = damaged[i] == 'B' ? 'C' : 'B';
    const auto parsed = ParsePageToken("or", damaged);
    EXPECT_FALSE(parsed.ok()) << i;
    EXPECT_FALSE(ParsePageToken("or", token.substr(0, i)).ok()) << i;
  }
  EXPECT_FALSE(ParsePageToken("or", "not base64 !").ok());
}

}  // namespace
}  // namespace kappa::server
