#include "raft/ring.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <deque>
#include <random>

namespace kappa::raft {
namespace {

TEST(RingTest, BehavesAsADeque) {
  std::mt19937_64 random(1);
  Ring<int> ring;
  std::deque<int> model;
  size_t largest = 0;
  for (int i = 0; i < 100000; ++i) {
    // Long phases of growth and of shrinking.
    const bool grow = random() % 100 < ((i / 1000) % 2 == 0 ? 60 : 40);
    if (grow) {
      ring.PushBack(i);
      model.push_back(i);
    } else if (!model.empty()) {
      ring.PopFront();
      model.pop_front();
    } else {
      ring.ReleaseSpare();
    }
    largest = std::max(largest, model.size());
    ASSERT_EQ(ring.size(), model.size());
    ASSERT_EQ(ring.empty(), model.empty());
    if (model.empty()) continue;
    ASSERT_EQ(ring.front(), model.front());
    ASSERT_EQ(ring.back(), model.back());
    const size_t position = random() % model.size();
    ASSERT_EQ(ring[position], model[position]);
  }
  EXPECT_GT(largest, 100u);
}

TEST(RingDeathTest, RefusesWhatIsNotThere) {
  Ring<int> ring;
  EXPECT_DEATH(ring.PopFront(), "ring is empty");
  EXPECT_DEATH(ring[0], "ring position outside");
}

}  // namespace
}  // namespace kappa::raft
