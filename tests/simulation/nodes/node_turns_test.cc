#include "tests/simulation/nodes/node_turns.h"

#include <optional>

#include "gtest/gtest.h"
#include "tests/simulation/nodes/run_options.h"
#include "tests/simulation/nodes/world.h"

namespace kappa::node_simulation {
namespace {

// Two nodes: while the first waits, the second begins to, so the first one goes
// on only after it.
class NodeTurnsTest : public testing::Test {
 protected:
  NodeTurnsTest()
      : world_(RunOptions()),
        first_(&world_, [this] { Step(); }),
        second_(&world_, [this] { Step(); }) {
    first_.waiting = second_.waiting = Waiting::kWorldRuns;
  }

  void Step() {
    world_.now_us += kStepUs;
    first_.Step();
    if (begun_) return;
    begun_ = true;
    EXPECT_TRUE(second_.RunUntil([this] { return world_.now_us >= 300'000; },
                                 std::nullopt));
  }

  World world_;
  NodeTurns first_;
  NodeTurns second_;
  bool begun_ = false;
};

TEST_F(NodeTurnsTest, WhatHeldWhileAnotherNodeWaitedHasHeld) {
  EXPECT_TRUE(first_.RunUntil(
      [this] { return world_.now_us >= 5'000 && world_.now_us < 10'000; },
      1'000'000));
  EXPECT_EQ(world_.now_us, 300'000);
}

TEST_F(NodeTurnsTest, WhatNeverHoldsEndsWithItsTime) {
  EXPECT_FALSE(first_.RunUntil([] { return false; }, 400'000));
  EXPECT_EQ(world_.now_us, 400'000);
}

TEST_F(NodeTurnsTest, WhoDiedWaitsNoLonger) {
  EXPECT_FALSE(first_.RunUntil(
      [this] {
        if (begun_) first_.waiting = Waiting::kNever;
        return false;
      },
      std::nullopt));
  EXPECT_EQ(world_.now_us, 300'000);
}

}  // namespace
}  // namespace kappa::node_simulation
