#include "storage/fail_stop_file_system.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

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
    std::filesystem::create_directories(folder_path_);
    const auto& files = env_->GetFileSystem();
    const IOStatus made =
        files->NewWritableFile(path_, rocksdb::FileOptions(), &file_, nullptr);
    EXPECT_TRUE(made.ok()) << made.ToString();
    const IOStatus opened =
        files->NewDirectory(folder_path_, options_, &folder_, nullptr);
    EXPECT_TRUE(opened.ok()) << opened.ToString();
  }

  struct Call {
    std::string name;
    std::string operation;  // that of a Fault
    std::function<IOStatus()> run;
  };
  // One of each function that changes a file or folder.
  std::vector<Call> Calls() {
    return {
        {"Append", "write",
         [this] { return file_->Append("abc", options_, nullptr); }},
        {"Append, verified", "write",
         [this] {
           return file_->Append("abc", options_,
                                rocksdb::DataVerificationInfo(), nullptr);
         }},
        {"Flush", "flush", [this] { return file_->Flush(options_, nullptr); }},
        {"RangeSync", "range sync",
         [this] { return file_->RangeSync(0, 3, options_, nullptr); }},
        {"Truncate", "truncate",
         [this] { return file_->Truncate(1, options_, nullptr); }},
        {"Sync", "sync", [this] { return file_->Sync(options_, nullptr); }},
        {"Fsync", "sync", [this] { return file_->Fsync(options_, nullptr); }},
        {"Fsync of the folder", "sync folder",
         [this] { return folder_->Fsync(options_, nullptr); }},
        {"FsyncWithDirOptions", "sync folder",
         [this] {
           return folder_->FsyncWithDirOptions(options_, nullptr,
                                               rocksdb::DirFsyncOptions());
         }},
        {"Close", "close", [this] { return file_->Close(options_, nullptr); }},
    };
  }
  // A file without direct I/O has these only to fail.
  std::vector<Call> PositionedCalls() {
    return {
        {"PositionedAppend", "write",
         [this] {
           return file_->PositionedAppend("abc", 0, options_, nullptr);
         }},
        {"PositionedAppend, verified", "write",
         [this] {
           return file_->PositionedAppend(
               "abc", 0, options_, rocksdb::DataVerificationInfo(), nullptr);
         }},
    };
  }
  void ExpectTold(const Call& call) {
    failing_ = call.operation;
    fatal_ = absl::OkStatus();
    EXPECT_FALSE(call.run().ok()) << call.name;
    EXPECT_FALSE(fatal_.ok()) << call.name;
    EXPECT_NE(fatal_.message().find(folder_path_), std::string::npos)
        << call.name << ": " << fatal_;
  }

  const std::string folder_path_ = FreshDirectory("folder");
  const std::string path_ = folder_path_ + "/1.log";
  const IOOptions options_;
  std::string failing_;
  absl::Status fatal_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::FSWritableFile> file_;
  std::unique_ptr<rocksdb::FSDirectory> folder_;
};

// RELIABILITY.md S9: any failed write or sync.
TEST_F(FailStopFileSystemTest, TellsOfEveryOperationThatFails) {
  for (const Call& call : Calls()) ExpectTold(call);
  for (const Call& call : PositionedCalls()) ExpectTold(call);
}

TEST_F(FailStopFileSystemTest, TellsOfNothingThatSucceeds) {
  for (const Call& call : Calls()) {
    call.run().PermitUncheckedError();
    EXPECT_TRUE(fatal_.ok()) << call.name << ": " << fatal_;
  }
}

}  // namespace
}  // namespace kappa::storage
