#include "storage/rocks_status.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace kappa::storage {
namespace {

TEST(RocksStatusTest, EachCodeTellsWhatToDoNext) {
  using Rocks = rocksdb::Status;
  const std::pair<Rocks, absl::StatusCode> table[] = {
      {Rocks::OK(), absl::StatusCode::kOk},
      {Rocks::Corruption("x"), absl::StatusCode::kDataLoss},
      {Rocks::NotFound("x"), absl::StatusCode::kDataLoss},
      {Rocks::PathNotFound("x"), absl::StatusCode::kDataLoss},
      {Rocks::NoSpace("x"), absl::StatusCode::kResourceExhausted},
      {Rocks::IOError("x"), absl::StatusCode::kUnavailable},
      {Rocks::Busy("x"), absl::StatusCode::kUnavailable},
      {Rocks::TryAgain("x"), absl::StatusCode::kUnavailable},
      {Rocks::TimedOut("x"), absl::StatusCode::kUnavailable},
      {Rocks::NotSupported("x"), absl::StatusCode::kFailedPrecondition},
      {Rocks::InvalidArgument("x"), absl::StatusCode::kFailedPrecondition},
      {Rocks::Aborted("x"), absl::StatusCode::kInternal},
  };
  for (const auto& [rocks, code] : table) {
    EXPECT_EQ(FromRocks(rocks, "do").code(), code) << rocks.ToString();
  }
}

// RocksDB keeps the text of errno, nothing else.
TEST(RocksStatusTest, AReadIsDamageOnlyIfTheDiskCannotDoIt) {
  const auto code = [](int error) {
    return FromRocksRead(
               rocksdb::Status::IOError("While pread offset 0 len 9: /db/7.sst",
                                        std::strerror(error)),
               "read")
        .code();
  };
  EXPECT_EQ(code(EIO), absl::StatusCode::kDataLoss);
  for (const int error : {EMFILE, ENFILE, ENOMEM}) {
    EXPECT_EQ(code(error), absl::StatusCode::kResourceExhausted) << error;
  }
  for (const int error : {EINTR, EAGAIN}) {
    EXPECT_EQ(code(error), absl::StatusCode::kUnavailable) << error;
  }
  EXPECT_EQ(FromRocksRead(rocksdb::Status::Corruption("x"), "read").code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(FromRocksRead(rocksdb::Status::OK(), "read").code(),
            absl::StatusCode::kOk);
}

TEST(RocksStatusTest, MessageNamesTheOperation) {
  EXPECT_EQ(
      FromRocks(rocksdb::Status::IOError("file 7"), "write cycle 9").message(),
      "write cycle 9: IO error: file 7");
}

}  // namespace
}  // namespace kappa::storage
