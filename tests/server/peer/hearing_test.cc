#include "server/peer/hearing.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "proto/wire/string_view.h"

namespace kappa::server {
namespace {

struct FakeStream final : HeardStream {
  void End(absl::Status status) override { ended = std::move(status); }
  void OnWindowOpen() override { ++opened; }
  absl::Status ended;
  int opened = 0;
};

constexpr Hearing::WindowBytes kWindows = {100, 200, 300};

Hearing::Caller Caller(uint64_t node, PeerClass peer_class, uint8_t disk) {
  Hearing::Caller caller;
  caller.node = NodeId(node);
  caller.peer_class = peer_class;
  caller.address = "127.0.0.1:7";
  caller.disk_id.fill(disk);
  caller.open_id = 5;
  return caller;
}

TEST(HearingTest, ANewerStreamEndsTheOlder) {
  Hearing hearing(kWindows);
  auto first = std::make_shared<FakeStream>();
  auto second = std::make_shared<FakeStream>();
  auto bulk = std::make_shared<FakeStream>();
  const auto control = Caller(2, PeerClass::kControl, 1);
  ASSERT_TRUE(hearing.Admit(control, first, 10).ok());
  ASSERT_TRUE(hearing.Admit(Caller(2, PeerClass::kBulk, 1), bulk, 11).ok());
  EXPECT_TRUE(first->ended.ok());
  ASSERT_TRUE(hearing.Admit(control, second, 12).ok());
  EXPECT_EQ(first->ended.code(), absl::StatusCode::kAborted);
  EXPECT_TRUE(bulk->ended.ok());
  hearing.Remove(NodeId(2), PeerClass::kControl, first.get());
  EXPECT_TRUE(hearing.statuses()[NodeId(2)].streams[0].connected);
  hearing.Remove(NodeId(2), PeerClass::kControl, second.get());
  EXPECT_FALSE(hearing.statuses()[NodeId(2)].streams[0].connected);
}

TEST(HearingTest, AWindowOutlivesItsStream) {
  Hearing hearing(kWindows);
  const auto caller = Caller(2, PeerClass::kEntries, 1);
  auto first = std::make_shared<FakeStream>();
  auto place = hearing.Admit(caller, first, 10);
  ASSERT_TRUE(place.ok());
  ReceiveCredit credit = place->window->Take(200);
  EXPECT_FALSE(place->window->open());
  auto second = std::make_shared<FakeStream>();
  const auto next = hearing.Admit(caller, second, 11);
  ASSERT_TRUE(next.ok());
  EXPECT_FALSE(next->window->open()) << "what the first one delivered counts";
  credit.Release();
  EXPECT_TRUE(next->window->open());
  EXPECT_EQ(first->opened, 0);
  EXPECT_EQ(second->opened, 1) << "the newest stream reads on";
  const auto bulk = hearing.Admit(Caller(2, PeerClass::kBulk, 1),
                                  std::make_shared<FakeStream>(), 12);
  EXPECT_NE(bulk->window, next->window) << "each class has its own";
}

TEST(HearingTest, RefusesTwoDisksUnderOneNodeId) {
  Hearing hearing(kWindows);
  auto first = std::make_shared<FakeStream>();
  auto second = std::make_shared<FakeStream>();
  ASSERT_TRUE(hearing.Admit(Caller(2, PeerClass::kControl, 1), first, 10).ok());
  const auto refused =
      hearing.Admit(Caller(2, PeerClass::kEntries, 0xee), second, 11);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(std::string(ToStd(refused.status().message())),
            "hello: node 2 is connected from disk "
            "01010101010101010101010101010101, and now calls from disk "
            "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
  hearing.Remove(NodeId(2), PeerClass::kControl, first.get());
  EXPECT_TRUE(
      hearing.Admit(Caller(2, PeerClass::kEntries, 0xee), second, 12).ok())
      << "the first disk is gone";
}

TEST(HearingTest, KnowsWhenANodeWasLastHeard) {
  Hearing hearing(kWindows);
  EXPECT_FALSE(hearing.LastHeardUs(NodeId(2)).has_value());
  auto stream = std::make_shared<FakeStream>();
  auto place = hearing.Admit(Caller(2, PeerClass::kBulk, 1), stream, 10);
  ASSERT_TRUE(place.ok());
  EXPECT_EQ(hearing.LastHeardUs(NodeId(2)), 10);
  place->counters->last_heard_us.store(25);
  EXPECT_EQ(hearing.LastHeardUs(NodeId(2)), 25);
  hearing.Remove(NodeId(2), PeerClass::kBulk, stream.get());
  EXPECT_EQ(hearing.LastHeardUs(NodeId(2)), 25);
  hearing.Forget(NodeId(2));
  EXPECT_FALSE(hearing.LastHeardUs(NodeId(2)).has_value());
}

TEST(HearingTest, HearsABoundedNumberOfNodes) {
  Hearing hearing(kWindows);
  for (uint64_t node = 1; node <= Hearing::kNodesMax; ++node) {
    ASSERT_TRUE(hearing
                    .Admit(Caller(node, PeerClass::kControl, 1),
                           std::make_shared<FakeStream>(), 1)
                    .ok());
  }
  EXPECT_EQ(hearing
                .Admit(Caller(9999, PeerClass::kControl, 1),
                       std::make_shared<FakeStream>(), 1)
                .status()
                .code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace kappa::server
