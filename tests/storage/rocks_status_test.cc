#include "storage/rocks_status.h"

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

TEST(RocksStatusTest, MessageNamesTheOperation) {
  EXPECT_EQ(
      FromRocks(rocksdb::Status::IOError("file 7"), "write cycle 9").message(),
      "write cycle 9: IO error: file 7");
}

}  // namespace
}  // namespace kappa::storage
