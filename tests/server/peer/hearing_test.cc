#include "server/peer/hearing.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "proto/wire/string_view.h"

namespace kappa::server {
namespace {

struct FakeStream final : HeardStream {
  void End(absl::Status status) override { ended = std::move(status); }
  absl::Status ended;
};

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
  Hearing hearing;
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

TEST(HearingTest, RefusesTwoDisksUnderOneNodeId) {
  Hearing hearing;
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
  Hearing hearing;
  EXPECT_FALSE(hearing.LastHeardUs(NodeId(2)).has_value());
  auto stream = std::make_shared<FakeStream>();
  auto counters = hearing.Admit(Caller(2, PeerClass::kBulk, 1), stream, 10);
  ASSERT_TRUE(counters.ok());
  EXPECT_EQ(hearing.LastHeardUs(NodeId(2)), 10);
  (*counters)->last_heard_us.store(25);
  EXPECT_EQ(hearing.LastHeardUs(NodeId(2)), 25);
  hearing.Remove(NodeId(2), PeerClass::kBulk, stream.get());
  EXPECT_EQ(hearing.LastHeardUs(NodeId(2)), 25);
  hearing.Forget(NodeId(2));
  EXPECT_FALSE(hearing.LastHeardUs(NodeId(2)).has_value());
}

TEST(HearingTest, HearsABoundedNumberOfNodes) {
  Hearing hearing;
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
