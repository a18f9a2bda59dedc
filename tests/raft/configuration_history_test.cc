#include "raft/configuration_history.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

std::shared_ptr<const Configuration> Of(const std::vector<uint64_t>& nodes) {
  return std::make_shared<const Configuration>(Voters(nodes));
}

TEST(ConfigurationHistoryTest, WithoutEntriesTheBaseCounts) {
  ConfigurationHistory history;
  EXPECT_EQ(history.newest(), nullptr);
  EXPECT_EQ(history.newest_index(), LogIndex(0));
  EXPECT_EQ(history.NewestUpTo(LogIndex(9)), nullptr);
}

// RAFT.md 7: effective when appended, gone when truncated.
TEST(ConfigurationHistoryTest, ATruncationBringsBackTheOneBefore) {
  ConfigurationHistory history({{LogIndex(3), Voters({1})}});
  history.Append(LogIndex(7), Of({1, 2}));
  EXPECT_EQ(*history.newest(), Voters({1, 2}));
  EXPECT_EQ(history.newest_index(), LogIndex(7));
  EXPECT_EQ(*history.NewestUpTo(LogIndex(6)), Voters({1}));
  EXPECT_EQ(history.NewestUpTo(LogIndex(2)), nullptr);
  EXPECT_FALSE(history.TruncateFrom(LogIndex(8)));
  EXPECT_TRUE(history.TruncateFrom(LogIndex(7)));
  EXPECT_EQ(*history.newest(), Voters({1}));
  EXPECT_TRUE(history.TruncateFrom(LogIndex(1)));
  EXPECT_EQ(history.newest(), nullptr);
}

TEST(ConfigurationHistoryTest, ForgetsWhatNoTruncationCanReach) {
  ConfigurationHistory history;
  for (uint64_t i = 1; i <= 6; ++i) history.Append(LogIndex(10 * i), Of({i}));
  history.ForgetBelow(LogIndex(45));
  EXPECT_EQ(history.NewestUpTo(LogIndex(29)), nullptr);
  EXPECT_EQ(*history.NewestUpTo(LogIndex(30)), Voters({3}));
  EXPECT_EQ(*history.NewestUpTo(LogIndex(40)), Voters({4}));
  EXPECT_EQ(*history.newest(), Voters({6}));
  history.TrimTo(LogIndex(50));
  EXPECT_EQ(history.NewestUpTo(LogIndex(50)), nullptr);
  EXPECT_EQ(*history.newest(), Voters({6}));
  history.CheckInvariants(LogIndex(50), LogIndex(60));
  history.Clear();
  EXPECT_EQ(history.newest(), nullptr);
}

}  // namespace
}  // namespace kappa::raft
