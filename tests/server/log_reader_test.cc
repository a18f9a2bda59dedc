// What is known to be damaged decides no answer, whichever way it is read.
#include "server/log_reader.h"

#include <cstdint>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "server/errors.h"
#include "storage/known_damage.h"
#include "storage/memory_log_store.h"
#include "tests/storage/log_script.h"

namespace kappa::server {
namespace {

constexpr uint64_t kEntries = 10;
constexpr int64_t kStepUs = 100;

// Entry i holds record i - 1. Entries 4 to 6 are known to be damaged; the
// store itself serves all.
class LogReaderTest : public testing::Test {
 protected:
  LogReaderTest() {
    const storage::ReplicaSpec spec = storage::SpecOfGroup(1);
    scope_.replica = store_.CreateReplicas({spec})->front();
    scope_.group = spec.group;
    storage::LogScript log(scope_.replica, spec);
    log.set_time_step_us(kStepUs);
    for (uint64_t i = 1; i <= kEntries; ++i) {
      storage::GroupWrite write = log.Empty();
      write.entries.push_back(log.Records("value"));
      EXPECT_TRUE(store_.Commit({&write, 1}).ok());
    }
    scope_.committed = log.last();
    scope_.end_offset = log.position().end_offset;
    MakeKnown(4, 6);
  }

  void MakeKnown(uint64_t first, uint64_t last) {
    known_->Add({scope_.replica, scope_.group, LogIndex(first), LogIndex(last),
                 "its SHA-256 is wrong"});
  }
  int64_t TimeOf(uint64_t index) const {
    return store_.ReadHeader(scope_.replica, LogIndex(index))->append_time_us;
  }
  // The offset, or -1 for DATA_DAMAGED.
  int64_t Find(int64_t time_us) {
    const absl::StatusOr<Offset> found = reader_.FindTime(scope_, time_us);
    if (found.ok()) return static_cast<int64_t>(found->value());
    EXPECT_EQ(ErrorInfoOf(found.status()).reason(), "DATA_DAMAGED");
    return -1;
  }

  storage::MemoryLogStore store_;
  std::unique_ptr<storage::KnownDamage> known_ =
      *storage::KnownDamage::Load("");
  LogReader reader_{&store_, known_.get(), size_t{1} << 20};
  ReadScope scope_;
};

TEST_F(LogReaderTest, AHeaderThatIsKnownToBeDamagedIsNotServed) {
  for (uint64_t i = 1; i <= kEntries; ++i) {
    const bool damaged = i >= 4 && i <= 6;
    const auto header = reader_.ReadHeader(scope_, LogIndex(i));
    EXPECT_EQ(header.ok(), !damaged) << i;
    EXPECT_EQ(absl::IsDataLoss(header.status()), damaged) << i;
    const auto at = reader_.ReadHeaderAt(scope_, Offset(i - 1));
    EXPECT_EQ(at.ok(), !damaged) << i;
    EXPECT_EQ(absl::IsDataLoss(at.status()), damaged) << i;
  }
}

TEST_F(LogReaderTest, ATimeIsFoundWhereBothNeighboursAreWhole) {
  EXPECT_EQ(Find(0), 0);
  EXPECT_EQ(Find(TimeOf(2)), 1);
  EXPECT_EQ(Find(TimeOf(3)), 2);
  EXPECT_EQ(Find(TimeOf(8)), 7);
  EXPECT_EQ(Find(TimeOf(10) + 1), 10);
}

// The entry at that time may be one of the damaged: whoever goes on behind them
// would miss it without a word.
TEST_F(LogReaderTest, DamageAroundATimeIsTold) {
  for (uint64_t i = 4; i <= 7; ++i) EXPECT_EQ(Find(TimeOf(i)), -1) << i;
}

TEST_F(LogReaderTest, DamageAtTheEndHidesTheEnd) {
  MakeKnown(10, 10);
  EXPECT_EQ(Find(TimeOf(9)), 8);
  EXPECT_EQ(Find(TimeOf(10)), -1);
  EXPECT_EQ(Find(TimeOf(10) + 1), -1);
}

}  // namespace
}  // namespace kappa::server
