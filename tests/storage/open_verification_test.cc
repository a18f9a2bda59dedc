#include "storage/open_verification.h"

#include <cstddef>
#include <cstdint>

#include "gtest/gtest.h"
#include "storage/recovered_state.h"
#include "storage/watermark.h"

namespace kappa::storage {
namespace {

class VerifyCyclesTest : public testing::Test {
 protected:
  VerifyCyclesTest() {
    Digest previous{};
    for (uint64_t n = 1; n <= 10; ++n) {
      CycleRow row;
      row.number = n;
      row.previous = previous;
      row.digest.fill(static_cast<uint8_t>(n));
      previous = row.digest;
      state_.cycles.push_back(row);
    }
    state_.opens = {{11, 1}, {12, 6}};
  }
  WatermarkValue MarkOf(uint64_t cycle, uint64_t open_id) const {
    WatermarkValue value;
    value.cycle = cycle;
    value.open_id = open_id;
    value.digest.fill(static_cast<uint8_t>(cycle));
    return value;
  }
  RecoveredState state_;
};

TEST_F(VerifyCyclesTest, AcceptsAWatermarkAtOrBelowTheEnd) {
  EXPECT_TRUE(VerifyCycles(state_, MarkOf(10, 12), nullptr).ok());
  EXPECT_TRUE(VerifyCycles(state_, MarkOf(6, 12), nullptr).ok());
  EXPECT_TRUE(VerifyCycles(state_, MarkOf(5, 11), nullptr).ok());
}

TEST_F(VerifyCyclesTest, RefusesAWatermarkAboveTheEnd) {
  const absl::Status status = VerifyCycles(state_, MarkOf(12, 12), nullptr);
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_EQ(status.message(), "cycles 11 to 12 are lost");
}

TEST_F(VerifyCyclesTest, AcceptsACopyOfTheNextCycle) {
  CycleCopy copy;
  copy.previous.fill(10);
  EXPECT_TRUE(IsContinuedBy(state_, MarkOf(11, 12), &copy));
  EXPECT_TRUE(VerifyCycles(state_, MarkOf(11, 12), &copy).ok());
  for (const uint64_t cycle : {9, 10, 12}) {
    EXPECT_FALSE(IsContinuedBy(state_, MarkOf(cycle, 12), &copy)) << cycle;
  }
  EXPECT_TRUE(absl::IsDataLoss(VerifyCycles(state_, MarkOf(12, 12), &copy)));
  copy.previous.fill(9);
  EXPECT_TRUE(absl::IsDataLoss(VerifyCycles(state_, MarkOf(11, 12), &copy)));
  // Not even the copy helps where a row before it is missing.
  copy.previous.fill(10);
  state_.cycles.erase(state_.cycles.begin() + 3);
  EXPECT_TRUE(absl::IsDataLoss(VerifyCycles(state_, MarkOf(11, 12), &copy)));
}

TEST_F(VerifyCyclesTest, RefusesEveryMissingRow) {
  for (size_t lost = 0; lost < 10; ++lost) {
    RecoveredState state = state_;
    state.cycles.erase(state.cycles.begin() + static_cast<ptrdiff_t>(lost));
    EXPECT_TRUE(absl::IsDataLoss(VerifyCycles(state, MarkOf(10, 12), nullptr)))
        << "cycle " << lost + 1;
  }
}

TEST_F(VerifyCyclesTest, RefusesARowThatNamesAnotherPredecessor) {
  for (size_t i = 0; i < 10; ++i) {
    RecoveredState state = state_;
    state.cycles[i].previous[3] ^= 1;
    EXPECT_TRUE(absl::IsDataLoss(VerifyCycles(state, MarkOf(10, 12), nullptr)))
        << "cycle " << i + 1;
  }
}

TEST_F(VerifyCyclesTest, BeginsAtTheFloor) {
  state_.cycles.erase(state_.cycles.begin(), state_.cycles.begin() + 3);
  EXPECT_TRUE(absl::IsDataLoss(VerifyCycles(state_, MarkOf(10, 12), nullptr)));
  state_.floor = 4;
  EXPECT_TRUE(VerifyCycles(state_, MarkOf(10, 12), nullptr).ok());
  EXPECT_TRUE(absl::IsDataLoss(VerifyCycles(state_, MarkOf(3, 11), nullptr)));
  state_.floor = 3;
  EXPECT_TRUE(absl::IsDataLoss(VerifyCycles(state_, MarkOf(10, 12), nullptr)));
}

TEST_F(VerifyCyclesTest, RefusesToFindNothingAboveAFloor) {
  state_.cycles.clear();
  state_.floor = 4;
  EXPECT_TRUE(
      absl::IsDataLoss(VerifyCycles(state_, WatermarkValue(), nullptr)));
}

}  // namespace
}  // namespace kappa::storage
