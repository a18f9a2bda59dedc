#include "raft/log_start.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "raft/context.h"
#include "tests/raft/samples.h"

namespace kappa::raft {
namespace {

LogBase BaseAt(EntryId id, Configuration configuration = Voters({1, 2, 3})) {
  LogBase base;
  base.id = id;
  base.configuration = std::move(configuration);
  return base;
}

// Terms 2 2 2 4 4 after the base (1, 3); 7 is committed.
Context Sample() {
  Context context(OptionsOf(1),
                  Restored(Voters({1, 2, 3}), {2, 2, 2, 4, 4}, At(1, 3)));
  context.CommitUpTo(LogIndex(7));
  context.TakeOutput();
  return context;
}

TEST(LogStartTest, TrimDropsWhatLiesBelowInOneWrite) {
  Context context = Sample();
  context.MarkDamaged(LogIndex(5), Digest{});
  context.MarkDamaged(LogIndex(6), Digest{});
  ASSERT_TRUE(TrimLog(context, BaseAt(At(2, 5))).ok());
  context.CheckInvariants();
  EXPECT_EQ(context.log().base(), At(2, 5));
  EXPECT_EQ(context.log().last(), At(4, 8));
  EXPECT_EQ(context.log().TermAt(LogIndex(6)), Term(2));
  EXPECT_EQ(context.committed(), LogIndex(7));
  EXPECT_EQ(context.durable(), LogIndex(8));
  EXPECT_EQ(context.damaged().lowest(), At(2, 6));
  const Output output = context.TakeOutput();
  ASSERT_EQ(output.persists.size(), 1u);
  EXPECT_EQ(output.persists[0].trim_to->id, At(2, 5));
  EXPECT_EQ(output.persists[0].token.index, LogIndex(8));
}

TEST(LogStartTest, TrimMayTakeEverything) {
  Context context = Sample();
  context.CommitUpTo(LogIndex(8));
  ASSERT_TRUE(TrimLog(context, BaseAt(At(4, 8))).ok());
  context.CheckInvariants();
  EXPECT_EQ(context.log().base(), At(4, 8));
  EXPECT_EQ(context.log().last(), At(4, 8));
}

TEST(LogStartTest, TrimRefusesWhatIsNotSafe) {
  const std::vector<std::pair<LogBase, std::string>> cases = {
      {BaseAt(At(1, 3)), "trim at index 3: the log begins after 3 already"},
      {BaseAt(At(4, 8)), "trim at index 8: committed up to 7"},
      {BaseAt(At(3, 5)), "trim at index 5: the entry's term is 2, not 3"},
      {BaseAt(At(2, 5), Voters({1})),
       "trim at index 5: another configuration is effective there"},
  };
  for (const auto& [base, message] : cases) {
    Context context = Sample();
    const absl::Status status = TrimLog(context, base);
    EXPECT_TRUE(absl::IsFailedPrecondition(status));
    EXPECT_EQ(status.message(), message);
    EXPECT_FALSE(context.HasOutput());
  }
}

TEST(LogStartTest, TrimWaitsForTheDisk) {
  Context context = Sample();
  context.Append(Records(At(4, 9)));
  context.CommitUpTo(LogIndex(9));
  EXPECT_EQ(TrimLog(context, BaseAt(At(4, 9))).message(),
            "trim at index 9: durable up to 8");
}

TEST(LogStartTest, TrimAsksForTheConfigurationThatIsEffectiveThere) {
  Context context = Sample();
  EntryMeta entry = Records(At(4, 9));
  entry.kind = EntryKind::kConfiguration;
  entry.configuration = std::make_shared<const Configuration>(Voters({1, 2}));
  context.Append(entry);
  context.Append(Records(At(4, 10)));
  const PersistToken token = context.TakeOutput().persists.at(0).token;
  ASSERT_TRUE(context.CompletePersist(token));
  context.CommitUpTo(LogIndex(10));
  EXPECT_FALSE(TrimLog(context, BaseAt(At(4, 8), Voters({1, 2}))).ok());
  EXPECT_TRUE(TrimLog(context, BaseAt(At(4, 8))).ok());
  EXPECT_EQ(context.configuration(), Voters({1, 2}));
  EXPECT_FALSE(TrimLog(context, BaseAt(At(4, 10))).ok());
  EXPECT_TRUE(TrimLog(context, BaseAt(At(4, 10), Voters({1, 2}))).ok());
  EXPECT_EQ(context.configuration(), Voters({1, 2}));
  context.CheckInvariants();
}

TEST(LogStartTest, ReplaceRefusesWhatWouldLoseEntries) {
  const std::vector<std::pair<EntryId, bool>> cases = {
      {At(2, 6), false}, {At(4, 7), false}, {At(4, 8), false},
      {At(5, 9), false}, {At(3, 8), true},  {At(4, 90), true},
  };
  for (const auto& [id, replaced] : cases) {
    Context context = Sample();
    EXPECT_EQ(ReplaceLog(context, BaseAt(id)).ok(), replaced);
    EXPECT_EQ(context.log().last(), replaced ? id : At(4, 8));
    context.CheckInvariants();
  }
}

}  // namespace
}  // namespace kappa::raft
