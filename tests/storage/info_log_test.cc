#include "storage/info_log.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/storage/directory_damage.h"

namespace kappa::storage {
namespace {

TEST(InfoLogTest, WritesEachMessageAtOnce) {
  const std::string path = FreshDirectory("info") + "-LOG";
  absl::Status fatal;
  auto log = InfoLog::Create(
      path, [&](const absl::Status& status) { fatal = status; });
  ASSERT_TRUE(log.ok()) << log.status();
  rocksdb::Log(*log, "cycle %d", 7);
  const std::string one = ReadAll(path);
  EXPECT_NE(one.find(" cycle 7\n"), std::string::npos) << one;
  rocksdb::Log(*log, "%s\n", std::string(10'000, 'x').c_str());
  const std::string two = ReadAll(path);
  EXPECT_TRUE(two.ends_with(std::string(10'000, 'x') + "\n"));
  EXPECT_EQ((*log)->GetLogFileSize(), two.size());
  EXPECT_TRUE(fatal.ok());
}

TEST(InfoLogTest, TellsOfAMessageThatCannotBeWritten) {
  absl::Status fatal;
  auto log = InfoLog::Create(
      "/dev/full", [&](const absl::Status& status) { fatal = status; });
  ASSERT_TRUE(log.ok()) << log.status();
  rocksdb::Log(*log, "cycle %d", 7);
  EXPECT_EQ(fatal.code(), absl::StatusCode::kResourceExhausted) << fatal;
  rocksdb::Log(*log, "cycle %d", 8);
}

TEST(InfoLogTest, AFileThatCannotBeMadeIsAnError) {
  EXPECT_FALSE(InfoLog::Create("/dev/null/LOG", nullptr).ok());
}

}  // namespace
}  // namespace kappa::storage
