#include "storage/fail_stop_file_system.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/storage/directory_damage.h"
#include "tests/storage/faulty_file_system.h"

namespace kappa::storage {
namespace {

using rocksdb::IOOptions;
using rocksdb::IOStatus;

class FailStopFileSystemTest : public testing::Test {
 protected:
  FailStopFileSystemTest() {
    env_ = NewFailStopEnv(
        std::make_shared<FaultyFileSystem>(
            [this](const std::string& operation, const std::string&) {
              return operation == failing_ ? IOStatus::IOError("injected")
                                           : IOStatus::OK();
            }),
        [this](const absl::Status& status) { fatal_ = status; });
    const IOStatus made = env_->GetFileSystem()->NewWritableFile(
        path_, rocksdb::FileOptions(), &file_, nullptr);
    EXPECT_TRUE(made.ok()) << made.ToString();
  }

  // Does everything that changes a file, in turn.
  void DoAll() {
    const IOOptions options;
    file_->Append("abc", options, nullptr).PermitUncheckedError();
    file_->RangeSync(0, 3, options, nullptr).PermitUncheckedError();
    file_->Truncate(1, options, nullptr).PermitUncheckedError();
    file_->Sync(options, nullptr).PermitUncheckedError();
    file_->Fsync(options, nullptr).PermitUncheckedError();
  }

  const std::string path_ = FreshDirectory("file") + "-1.log";
  std::string failing_;
  absl::Status fatal_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::FSWritableFile> file_;
};

// RELIABILITY.md S9: any failed write or sync.
TEST_F(FailStopFileSystemTest, TellsOfEveryOperationThatFails) {
  for (const std::string operation :
       {"write", "range sync", "truncate", "sync"}) {
    failing_ = operation;
    fatal_ = absl::OkStatus();
    DoAll();
    EXPECT_FALSE(fatal_.ok()) << operation;
    EXPECT_NE(fatal_.message().find(path_), std::string::npos) << fatal_;
  }
  failing_.clear();
  fatal_ = absl::OkStatus();
  DoAll();
  EXPECT_TRUE(fatal_.ok()) << fatal_;
}

}  // namespace
}  // namespace kappa::storage
