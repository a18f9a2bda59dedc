#include "storage/replica_table.h"

#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

ReplicaPosition PositionAt(uint64_t last) {
  ReplicaPosition position;
  position.last = {Term(1), LogIndex(last)};
  return position;
}

TEST(ReplicaTableTest, ShowsWhatWasPublished) {
  ReplicaTable table;
  table.Add(ReplicaNumber(2), SpecOfGroup(2), PositionAt(0));
  table.Add(ReplicaNumber(1), SpecOfGroup(1), PositionAt(3));
  EXPECT_EQ(table.List().at(0).number, ReplicaNumber(1));
  EXPECT_EQ(table.List().at(1).spec.group, GroupId(2));
  table.Publish({{ReplicaNumber(2), PositionAt(9)}});
  EXPECT_EQ(table.Last(ReplicaNumber(2)), LogIndex(9));
  EXPECT_EQ(table.Visible(ReplicaNumber(2))->last, LogIndex(9));
  EXPECT_EQ(table.Visible(ReplicaNumber(1))->last, LogIndex(3));
}

// A reader that sees another epoch reads again.
TEST(ReplicaTableTest, HidesWhatIsReplacedUntilItIsPublished) {
  ReplicaTable table;
  table.Add(ReplicaNumber(1), SpecOfGroup(1), PositionAt(9));
  const VisibleLog before = *table.Visible(ReplicaNumber(1));
  table.Hide(ReplicaNumber(1), LogIndex(4));
  EXPECT_EQ(table.Visible(ReplicaNumber(1))->last, LogIndex(4));
  EXPECT_NE(table.Visible(ReplicaNumber(1))->epoch, before.epoch);
  EXPECT_EQ(table.Position(ReplicaNumber(1))->last.index, LogIndex(9));
  table.Publish({{ReplicaNumber(1), PositionAt(7)}});
  EXPECT_EQ(table.Visible(ReplicaNumber(1))->last, LogIndex(7));
  EXPECT_NE(table.Visible(ReplicaNumber(1))->epoch, before.epoch);
}

TEST(ReplicaTableTest, UnknownReplicaIsNothing) {
  ReplicaTable table;
  table.Add(ReplicaNumber(1), SpecOfGroup(1), PositionAt(9));
  table.Remove(ReplicaNumber(1));
  EXPECT_EQ(table.size(), 0u);
  EXPECT_FALSE(table.Position(ReplicaNumber(1)).has_value());
  EXPECT_FALSE(table.Visible(ReplicaNumber(1)).has_value());
  EXPECT_FALSE(table.Spec(ReplicaNumber(1)).has_value());
  EXPECT_EQ(table.Last(ReplicaNumber(1)), LogIndex(0));
}

}  // namespace
}  // namespace kappa::storage
