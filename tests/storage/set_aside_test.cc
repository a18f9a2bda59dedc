#include "storage/set_aside.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "storage/rocks_log_store.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;

class SetAsideTest : public testing::Test {
 protected:
  SetAsideTest() {
    std::string pattern = std::string(std::getenv("TEST_TMPDIR")) + "/XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~SetAsideTest() override { fs::remove_all(directory_); }

  std::unique_ptr<RocksLogStore> Open() const {
    RocksLogStoreOptions options;
    options.directory = directory_;
    auto store = RocksLogStore::Open(std::move(options));
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ + "/" + name) << text;
  }
  std::string Read(const std::string& name) const {
    std::ifstream in(directory_ + "/" + name);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  bool Has(const std::string& name) const {
    return fs::exists(directory_ + "/" + name);
  }

  std::string directory_;
};

TEST_F(SetAsideTest, TheDirectoryIsEmptyAfterwardsAndNothingIsLost) {
  const uint64_t open_id = Open()->generation().open_id;
  Write("identity", "me");
  Write("ballast", "room");
  const absl::StatusOr<std::string> aside = SetAside(directory_, "why");
  ASSERT_TRUE(aside.ok()) << aside.status();
  EXPECT_EQ(*aside, directory_ + "/set-aside-1");
  EXPECT_EQ(Read("set-aside-1/REASON"), "why\n");
  EXPECT_EQ(Read("set-aside-1/identity"), "me");
  EXPECT_TRUE(Has("ballast"));
  EXPECT_FALSE(Has("identity"));

  auto anew = Open();
  ASSERT_NE(anew, nullptr);
  EXPECT_TRUE(anew->open_report().created);
  anew.reset();
  RocksLogStoreOptions former;
  former.directory = *aside;
  const auto found = RocksLogStore::Open(std::move(former));
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_FALSE((*found)->open_report().created);
  EXPECT_TRUE((*found)->generations()->Covers({open_id, 1}));

  const absl::StatusOr<std::string> again = SetAside(directory_, "why");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, directory_ + "/set-aside-2");
  EXPECT_EQ(*SetAsideCopies(directory_),
            (std::vector<std::string>{*aside, *again}));
  EXPECT_TRUE(SetAsideCopies(directory_ + "/none")->empty());
  // A number that is free again is taken by the newest one.
  fs::remove_all(*aside);
  fs::last_write_time(*again + "/REASON",
                      fs::file_time_type::clock::now() - std::chrono::hours(1));
  ASSERT_EQ(*SetAside(directory_, "why"), *aside);
  EXPECT_EQ(*SetAsideCopies(directory_),
            (std::vector<std::string>{*again, *aside}));
  fs::create_directory(directory_ + "/set-aside-9");
  fs::create_directory(directory_ + "/set-aside-10");
  EXPECT_EQ(
      *SetAsideCopies(directory_),
      (std::vector<std::string>{directory_ + "/set-aside-9",
                                directory_ + "/set-aside-10", *again, *aside}));
}

TEST_F(SetAsideTest, WhatWasForgottenStaysSoUntilItIsSetAside) {
  ASSERT_NE(Open(), nullptr);
  auto reason = ReasonForgotten(directory_);
  ASSERT_TRUE(reason.ok());
  EXPECT_FALSE(reason->has_value());
  ASSERT_TRUE(MarkForgotten(directory_, "cycle 7").ok());
  ASSERT_TRUE(MarkForgotten(directory_, "cycle 8").ok());
  reason = ReasonForgotten(directory_);
  ASSERT_TRUE(reason.ok());
  EXPECT_EQ(*reason, "cycle 8");
  ASSERT_NE(Open(), nullptr);  // no file that does not belong there
  ASSERT_TRUE(SetAside(directory_, "why").ok());
  EXPECT_EQ(Read("set-aside-1/FORGOT"), "cycle 8");
  reason = ReasonForgotten(directory_);
  ASSERT_TRUE(reason.ok());
  EXPECT_FALSE(reason->has_value());
}

TEST_F(SetAsideTest, WhatWasInterruptedGoesOn) {
  ASSERT_NE(Open(), nullptr);
  EXPECT_TRUE(FinishSetAside(directory_).ok());
  EXPECT_TRUE(Has("FORMAT"));
  // Ended before the first move, and after one.
  fs::create_directory(directory_ + "/set-aside-1");
  Write("SETTING_ASIDE", "set-aside-1");
  fs::rename(directory_ + "/db", directory_ + "/set-aside-1/db");
  ASSERT_TRUE(FinishSetAside(directory_).ok());
  EXPECT_FALSE(Has("SETTING_ASIDE"));
  EXPECT_TRUE(Has("set-aside-1/db"));
  EXPECT_TRUE(Has("set-aside-1/FORMAT"));
  EXPECT_TRUE(Has("set-aside-1/watermark"));
  EXPECT_TRUE(Open()->open_report().created);
}

TEST_F(SetAsideTest, AMarkerWithoutANameMovedNothing) {
  ASSERT_NE(Open(), nullptr);
  Write("SETTING_ASIDE", "");
  EXPECT_TRUE(FinishSetAside(directory_).ok());
  EXPECT_TRUE(Has("FORMAT"));
  Write("SETTING_ASIDE", "set-aside-9");
  EXPECT_FALSE(FinishSetAside(directory_).ok());
}

}  // namespace
}  // namespace kappa::storage
