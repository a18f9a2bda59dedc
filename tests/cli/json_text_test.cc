#include "client/cli/json_text.h"

#include <string>

#include "gtest/gtest.h"

namespace kappa::cli {
namespace {

TEST(AppendJsonStringTest, EscapesControlsAndReplacesBrokenUtf8) {
  std::string out;
  AppendJsonString("a\"\\\n\x01é\xFFz", &out);
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\u0001é\xEF\xBF\xBDz\"");
}

TEST(AppendJsonStringTest, RefusesOverlongAndSurrogateSequences) {
  std::string out;
  AppendJsonString("\xC0\x80", &out);
  AppendJsonString("\xED\xA0\x80", &out);
  EXPECT_EQ(out.find('\xC0'), std::string::npos);
  EXPECT_EQ(out.find('\xED'), std::string::npos);
}

TEST(AppendJsonMemberTest, KeepsBytesThatAreNoText) {
  std::string out;
  AppendJsonMember("key", "plain", &out);
  out.push_back(',');
  AppendJsonMember("value", "\xFF\x00", &out);
  EXPECT_EQ(out, "\"key\":\"plain\",\"value_base64\":\"/w==\"");
}

TEST(IsUtf8Test, TellsTextFromBytes) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("grün \xF0\x9F\x8C\x8B"));
  EXPECT_FALSE(IsUtf8("\x80"));
  EXPECT_FALSE(IsUtf8("cut \xE2\x82"));
}

}  // namespace
}  // namespace kappa::cli
