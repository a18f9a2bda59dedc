#include "raft/in_flight_window.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace kappa::raft {
namespace {

TEST(InFlightWindowTest, IsFullByEntriesOrByBytes) {
  InFlightWindow window;
  EXPECT_TRUE(window.empty());
  EXPECT_FALSE(window.Full(1, 1));
  window.Push(LogIndex(3), 3, 100);
  window.Push(LogIndex(5), 2, 50);
  EXPECT_EQ(window.entries(), 5u);
  EXPECT_EQ(window.bytes(), 150u);
  EXPECT_FALSE(window.Full(6, 151));
  EXPECT_TRUE(window.Full(5, 151));
  EXPECT_TRUE(window.Full(6, 150));
}

TEST(InFlightWindowTest, AcknowledgementsTakeWholeRequests) {
  InFlightWindow window;
  window.Push(LogIndex(3), 3, 100);
  window.Push(LogIndex(5), 2, 50);
  window.Push(LogIndex(6), 1, 7);
  window.PopUpTo(LogIndex(2));
  EXPECT_EQ(window.requests(), 3u);
  window.PopUpTo(LogIndex(5));
  EXPECT_EQ(window.requests(), 1u);
  EXPECT_EQ(window.entries(), 1u);
  EXPECT_EQ(window.bytes(), 7u);
  window.CheckInvariants();
  window.PopUpTo(LogIndex(90));
  EXPECT_TRUE(window.empty());
  EXPECT_EQ(window.bytes(), 0u);
}

TEST(InFlightWindowTest, ForgetsWhatWasLost) {
  InFlightWindow window;
  window.Push(LogIndex(3), 3, 100);
  window.Push(LogIndex(5), 2, 50);
  window.Clear();
  EXPECT_TRUE(window.empty());
  EXPECT_EQ(window.entries(), 0u);
  window.ReleaseSpare();
  window.Push(LogIndex(2), 2, 1);  // sent again from further down
  window.CheckInvariants();
  EXPECT_EQ(window.entries(), 2u);
}

TEST(InFlightWindowDeathTest, RequestsAreSentInOrder) {
  InFlightWindow window;
  window.Push(LogIndex(3), 3, 100);
  EXPECT_DEATH(window.Push(LogIndex(3), 1, 1), "in order");
  EXPECT_DEATH(window.Push(LogIndex(4), 0, 1), "with entries");
}

}  // namespace
}  // namespace kappa::raft
