#include "client/cli/time_format.h"

#include <cstdint>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kappa::cli {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kNewYear2016Us = 1'451'606'400'000'000;

TEST(TimeFormatTest, ParsesTheFormatOfTheCatalogue) {
  const auto time = ParseTimeUs("2016/01/01 00:30:04.91", "%Y/%m/%d %H:%M:%S");
  ASSERT_TRUE(time.ok()) << time.status();
  EXPECT_EQ(*time, kNewYear2016Us + 1'804'910'000);
}

TEST(TimeFormatTest, ParsesNamedFormats) {
  EXPECT_EQ(*ParseTimeUs("2016-01-01T02:00:00+02:00", "rfc3339"),
            kNewYear2016Us);
  EXPECT_EQ(*ParseTimeUs("1451606400", "unix"), kNewYear2016Us);
  EXPECT_EQ(*ParseTimeUs("1451606400000", "unix_ms"), kNewYear2016Us);
  EXPECT_EQ(*ParseTimeUs("-1", "unix_us"), -1);
}

TEST(TimeFormatTest, RefusalNamesTextAndFormat) {
  const auto time = ParseTimeUs("yesterday", "%Y");
  ASSERT_FALSE(time.ok());
  EXPECT_THAT(std::string(time.status().message()),
              HasSubstr("\"yesterday\" does not match format \"%Y\""));
  EXPECT_FALSE(ParseTimeUs("9223372036854775807", "unix").ok());
  EXPECT_FALSE(ParseTimeUs("12x", "unix").ok());
}

TEST(TimeFormatTest, PrintsAndReadsBack) {
  for (const int64_t time_us : {int64_t{0}, kNewYear2016Us + 1, int64_t{-1}}) {
    EXPECT_EQ(*ParseTimeUs(FormatTimeUs(time_us), "rfc3339"), time_us);
  }
  EXPECT_EQ(FormatTimeUs(kNewYear2016Us), "2016-01-01T00:00:00.000000Z");
}

}  // namespace
}  // namespace kappa::cli
