#include "client/cli/partition_places.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace kappa::cli {
namespace {

std::string RoundTrip(const std::string& text) {
  const absl::StatusOr<PartitionPlaces> places = PartitionPlaces::Parse(text);
  return places.ok() ? places->ToString()
                     : std::string(places.status().message());
}

TEST(PartitionPlacesTest, ReadsWhatItWrites) {
  EXPECT_EQ(RoundTrip("0:17"), "0:17");
  EXPECT_EQ(RoundTrip("0:17,5:3"), "0:17,5:3");
  EXPECT_EQ(RoundTrip("3:0,4-999:0"), "3-999:0");
  EXPECT_EQ(RoundTrip("0:1,1:1,2:2,3:1"), "0-1:1,2:2,3:1");
  EXPECT_EQ(RoundTrip("9:18446744073709551615"), "9:18446744073709551615");
}

TEST(PartitionPlacesTest, NamesWhatIsWrong) {
  for (const std::string text :
       {"0:", ":1", "a:1", "0:x", "0:-1", "5-2:1", "1-:1", "0:1,,1:1",
        "10000:1", "0-99999999999:0"}) {
    EXPECT_NE(RoundTrip(text).find("is neither"), std::string::npos) << text;
  }
  EXPECT_EQ(RoundTrip("0:1,2:1,0-1:3"), "partition 0 is named twice");
}

TEST(PartitionPlacesTest, TellsPlacesFromOtherPositions) {
  EXPECT_TRUE(PartitionPlaces::Looks("0:1"));
  EXPECT_TRUE(PartitionPlaces::Looks("0-3:1,x"));
  for (const char* text : {"beginning", "end", "17", "", "2026-01-31T12:00:00Z",
                           "2026-01-31 12:00:00", "12:00:00"}) {
    EXPECT_FALSE(PartitionPlaces::Looks(text)) << text;
  }
}

TEST(PartitionPlacesTest, FindsPartitionsNamedTwice) {
  EXPECT_TRUE(CheckDistinct({}).ok());
  EXPECT_TRUE(CheckDistinct({3, 1, 2}).ok());
  EXPECT_EQ(CheckDistinct({3, 1, 3}).message(), "partition 3 is named twice");
}

}  // namespace
}  // namespace kappa::cli
