#include "server/set_aside_list.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace kappa::server {
namespace {

namespace fs = std::filesystem;

TEST(SetAsideListTest, WhatIsThereIsMeasured) {
  const std::string directory =
      std::string(std::getenv("TEST_TMPDIR")) + "/data";
  SetAsideList list(directory);
  EXPECT_TRUE(list.All().empty());
  fs::create_directories(directory + "/db");
  EXPECT_TRUE(list.All().empty());
  for (const char* copy : {"/set-aside-1", "/set-aside-2"}) {
    fs::create_directories(directory + copy + "/db");
    std::ofstream(directory + copy + "/REASON") << "why";
    std::ofstream(directory + copy + "/db/1") << std::string(5'000, 'x');
  }
  auto all = list.All();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].path, directory + "/set-aside-1");
  EXPECT_EQ(all[0].bytes, 5'003u);
  EXPECT_GT(all[0].since_us, 0);
  EXPECT_EQ(all[1].path, directory + "/set-aside-2");
  fs::remove_all(directory + "/set-aside-1");
  all = list.All();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].path, directory + "/set-aside-2");
}

}  // namespace
}  // namespace kappa::server
