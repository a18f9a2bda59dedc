#include "storage/info_log.h"

#include <sys/resource.h>

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

// Files are short at the first try only.
TEST(InfoLogTest, TellsOfANextFileThatCannotBeMadeAtALaterTry) {
  absl::Status fatal;
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto log = InfoLog::Continue(
      "/dev/null/LOG", [&](const absl::Status& status) { fatal = status; });
  rocksdb::Log(log, "dropped");
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(fatal.ok()) << fatal;
  rocksdb::Log(log, "nowhere");
  EXPECT_NE(fatal.message().find("/dev/null/LOG"), std::string::npos) << fatal;
}

TEST(InfoLogTest, AFileThatCannotBeMadeIsAnError) {
  EXPECT_FALSE(InfoLog::Create("/dev/null/LOG", nullptr).ok());
}

}  // namespace
}  // namespace kappa::storage
