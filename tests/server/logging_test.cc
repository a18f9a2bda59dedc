#include "server/logging.h"

#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace kappa::server {
namespace {

TEST(LoggingTest, TextQuotesWhatNeedsIt) {
  EXPECT_EQ(FormatText("serving", {{"address", "127.0.0.1:1"},
                                   {"why", "a \"b\"\n"},
                                   {"empty", ""}}),
            "serving address=127.0.0.1:1 why=\"a \\\"b\\\"\\n\" empty=\"\"");
}

TEST(LoggingTest, JsonIsValidWhateverTheBytes) {
  const std::string line = FormatJson(
      "cannot start", {{"error", "\"quoted\"\n\x01\xff{}%v"}, {"n", "1"}});
  const nlohmann::json parsed =
      nlohmann::json::parse("{" + line + "}", nullptr, false);
  ASSERT_FALSE(parsed.is_discarded()) << line;
  EXPECT_EQ(parsed["event"], "cannot start");
  EXPECT_EQ(parsed["error"], "\"quoted\"\n\x01\uFFFD{}%v");
  EXPECT_EQ(parsed["n"], "1");
}

TEST(LoggingTest, WritesOneJsonLinePerEventAndRespectsTheLevel) {
  StartLogging(LogFormat::kJson, LogLevel::kWarning);
  testing::internal::CaptureStderr();
  LogInfo("too quiet");
  LogWarning("heard {} %s", {{"k", "v"}});
  const std::string written = testing::internal::GetCapturedStderr();
  const nlohmann::json parsed = nlohmann::json::parse(written, nullptr, false);
  ASSERT_FALSE(parsed.is_discarded()) << written;
  EXPECT_EQ(parsed["event"], "heard {} %s");
  EXPECT_EQ(parsed["level"], "warning");
  EXPECT_EQ(parsed["k"], "v");
  EXPECT_TRUE(parsed.contains("time"));
}

}  // namespace
}  // namespace kappa::server
