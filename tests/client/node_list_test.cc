#include "client/cpp/node_list.h"

#include "gtest/gtest.h"

namespace kappa::client {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'000);
const absl::Time kLater = kNow + NodeList::kFailedFor;

TEST(NodeListTest, MovesOnFromTheCurrentNodeOnly) {
  NodeList nodes({"a:1", "b:1", "c:1"});
  nodes.MoveOn("b:1", kNow);
  EXPECT_EQ(nodes.Current(), "a:1");
  nodes.MoveOn("a:1", kNow);
  nodes.MoveOn("a:1", kNow);
  EXPECT_EQ(nodes.Current(), "b:1");
  nodes.MoveOn("b:1", kNow);
  nodes.MoveOn("c:1", kNow);
  EXPECT_EQ(nodes.Current(), "a:1");
}

TEST(NodeListTest, PassesOverWhatFailedJustNow) {
  NodeList nodes({"a:1", "b:1", "c:1"});
  nodes.NoteFailure("b:1", kNow);
  EXPECT_EQ(nodes.Current(), "a:1");
  EXPECT_TRUE(nodes.FailedLately("b:1", kNow));
  nodes.MoveOn("a:1", kNow);
  EXPECT_EQ(nodes.Current(), "c:1");
  EXPECT_FALSE(nodes.FailedLately("b:1", kLater));
  nodes.MoveOn("c:1", kLater);
  nodes.MoveOn("a:1", kLater);
  EXPECT_EQ(nodes.Current(), "b:1");
}

TEST(NodeListTest, GoesRoundWhenAllFailed) {
  NodeList nodes({"a:1", "b:1"});
  nodes.NoteFailure("a:1", kNow);
  nodes.NoteFailure("b:1", kNow);
  EXPECT_EQ(nodes.Current(), "a:1");
  nodes.NoteFailure("a:1", kNow);
  EXPECT_EQ(nodes.Current(), "b:1");
}

TEST(NodeListTest, AloneItStays) {
  NodeList nodes({"a:1"});
  nodes.NoteFailure("a:1", kNow);
  EXPECT_EQ(nodes.Current(), "a:1");
}

TEST(NodeListTest, LearntNodesComeAfterTheSeedsAndLeadBackToThem) {
  NodeList nodes({"a:1", "b:1"});
  nodes.Learn("b:1");
  nodes.Learn("c:1");
  nodes.Learn("c:1");
  nodes.NoteFailure("b:1", kNow);
  nodes.NoteFailure("a:1", kNow);
  EXPECT_EQ(nodes.Current(), "c:1");
  nodes.NoteFailure("c:1", kNow);
  EXPECT_EQ(nodes.Current(), "a:1");
  EXPECT_EQ(nodes.seeds().size(), 2u);
}

TEST(NodeListTest, KeepsABoundedNumber) {
  NodeList nodes({"seed:1"});
  for (size_t i = 0; i < 2 * NodeList::kLearntMax; ++i) {
    nodes.Learn("n" + std::to_string(i) + ":1");
  }
  nodes.NoteFailure("seed:1", kNow);
  for (size_t i = 0; i < NodeList::kLearntMax; ++i) {
    EXPECT_EQ(nodes.Current(), "n" + std::to_string(i) + ":1");
    nodes.NoteFailure(nodes.Current(), kNow);
  }
  EXPECT_EQ(nodes.Current(), "seed:1");
}

}  // namespace
}  // namespace kappa::client
