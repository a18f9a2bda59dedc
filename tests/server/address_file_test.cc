#include "server/address_file.h"

#include <fstream>
#include <sstream>
#include <string>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

TEST(AddressFileTest, ExistsWhileItLives) {
  const std::string path = testing::TempDir() + "/address";
  std::ofstream(path) << "an old one\n";
  {
    auto file = AddressFile::Write(path, {"::1", 74});
    ASSERT_TRUE(file.ok()) << file.status();
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    EXPECT_EQ(text.str(), "[::1]:74\n");
  }
  EXPECT_FALSE(std::ifstream(path).is_open());
}

TEST(AddressFileTest, SaysWhyItCannotBeWritten) {
  auto file = AddressFile::Write("/nowhere/address", {"::1", 74});
  ASSERT_FALSE(file.ok());
  EXPECT_NE(file.status().message().find("/nowhere/address"),
            absl::string_view::npos);
}

}  // namespace
}  // namespace kappa::server
