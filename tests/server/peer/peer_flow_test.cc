// A receiver that is slow: memory stays bounded on both ends, and what
// elections wait for still comes through.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/peer/peer_limits.h"
#include "server/peer/peer_transport.h"
#include "tests/server/peer/peer_fixture.h"
#include "tests/server/peer/peer_samples.h"

namespace kappa::server {
namespace {

constexpr size_t kMessageBytes = 1 << 20;
constexpr size_t kWindowBytes = 4 << 20;
constexpr size_t kQueueBytes = 8 << 20;
constexpr uint64_t kMessages = 200;
// What the sockets and HTTP/2 may hold, in messages.
constexpr uint64_t kNetworkMessagesMax = 32;

class PeerFlowTest : public PeerFixture {
 protected:
  void SetUp() override {
    PeerTransportOptions options = OptionsOf(2, &heard_);
    options.receive_window_bytes.fill(kWindowBytes);
    two_ = Start(std::move(options));
    options = OptionsOf(1, &unused_);
    options.queue_bytes.fill(kQueueBytes);
    one_ = Start(std::move(options));
    one_->SetPeer(NodeId(2), two_->address().ToString());
    ASSERT_TRUE(WaitConnected(*one_, 2));
  }

  // Sends a heartbeat and waits for it: entries sent before had their chance.
  void RoundTrip() {
    const uint64_t beat = ++beat_;
    one_->Send(NodeId(2), Heartbeat(1, 2, 7, beat));
    ASSERT_TRUE(heard_.WaitFor([&](const auto& messages) {
      return std::any_of(messages.begin(), messages.end(), [&](const auto& m) {
        return m.contents.empty() && m.message.beat == beat;
      });
    }));
  }
  // Sends many times what the queue and the window hold, to a receiver that
  // keeps what it gets.
  void Fill() {
    heard_.KeepCredits(true);
    while (next_ < 2 + kMessages) {
      for (int i = 0; i < 10; ++i) {
        one_->Send(NodeId(2), EntryMessage(1, 2, 7, next_++, content_));
      }
      ASSERT_NO_FATAL_FAILURE(RoundTrip());
    }
    ASSERT_TRUE(
        Eventually([&] { return heard_.entry_messages() >= kWindowFrames; }));
    ASSERT_GT(entries().queue.dropped_full, 0u);
  }
  LinkStatus entries() const { return LinkOf(*one_, 2, PeerClass::kEntries); }

  // Frames of one message each: those that shut the window.
  static constexpr size_t kWindowFrames = kWindowBytes / kMessageBytes;

  const Payload content_ = Payload::FromString(Pattern(kMessageBytes));
  Heard heard_;
  Heard unused_;
  std::unique_ptr<PeerTransport> two_;
  std::unique_ptr<PeerTransport> one_;
  uint64_t beat_ = 0;
  uint64_t next_ = 2;  // index of the next entry
};

TEST_F(PeerFlowTest, ControlAndBulkOvertakeEntriesThatWait) {
  Fill();
  for (uint64_t i = 0; i < 20; ++i) {
    ASSERT_NO_FATAL_FAILURE(RoundTrip()) << i;
    one_->Send(NodeId(2), FullMessage(raft::MessageType::kFetchResponse, 1, 2));
    ASSERT_TRUE(heard_.WaitFor([&](const auto& messages) {
      return static_cast<uint64_t>(std::count_if(
                 messages.begin(), messages.end(), [](const auto& m) {
                   return m.message.type == raft::MessageType::kFetchResponse;
                 })) == i + 1;
    })) << i;
  }
  // All of these were sent later than entries that are still on their way.
  EXPECT_EQ(heard_.entry_messages(), kWindowFrames);
  EXPECT_GT(entries().queue.accepted, kWindowFrames);
}

TEST_F(PeerFlowTest, NeitherEndGrowsWithoutBound) {
  Fill();
  for (int i = 0; i < 3; ++i) ASSERT_NO_FATAL_FAILURE(RoundTrip());
  EXPECT_EQ(heard_.entry_messages(), kWindowFrames);
  const LinkStatus status = entries();
  EXPECT_LE(status.queued_bytes, kQueueBytes);
  EXPECT_LE(status.sent_messages, kWindowFrames + kNetworkMessagesMax);
  EXPECT_EQ(status.queue.accepted + status.queue.dropped_full, next_ - 2);
}

TEST_F(PeerFlowTest, GoesOnWhenTheReceiverHasRoom) {
  Fill();
  const uint64_t accepted = entries().queue.accepted;
  heard_.KeepCredits(false);
  ASSERT_TRUE(Eventually([&] { return heard_.entry_messages() == accepted; }));
  EXPECT_EQ(entries().queued_bytes, 0u);
  uint64_t last = 0;
  for (const PeerMessage& message : heard_.messages()) {
    if (message.contents.empty()) continue;
    const uint64_t index = message.message.entries[0].id.index.value();
    EXPECT_GT(index, last);
    last = index;
  }
  one_->Send(NodeId(2), EntryMessage(1, 2, 7, next_, content_));
  EXPECT_TRUE(
      Eventually([&] { return heard_.entry_messages() == accepted + 1; }));
}

TEST_F(PeerFlowTest, AReconnectDoesNotOpenTheWindow) {
  Fill();
  for (int i = 1; i <= 3; ++i) {
    one_->Stop();
    PeerTransportOptions options = OptionsOf(1, &unused_);
    options.self.open_id += static_cast<uint64_t>(i);
    one_ = Start(std::move(options));
    one_->SetPeer(NodeId(2), two_->address().ToString());
    ASSERT_TRUE(WaitConnected(*one_, 2));
    for (int k = 0; k < 10; ++k) {
      one_->Send(NodeId(2), EntryMessage(1, 2, 7, next_++, content_));
    }
    for (int k = 0; k < 3; ++k) ASSERT_NO_FATAL_FAILURE(RoundTrip());
    EXPECT_EQ(heard_.entry_messages(), kWindowFrames);
  }
  heard_.KeepCredits(false);
  EXPECT_TRUE(Eventually(
      [&] { return heard_.entry_messages() == kWindowFrames + 10; }));
}

// What is kept is more than gRPC may have for the rest.
TEST_F(PeerFlowTest, TheQuotaLeavesRoomForEveryWindow) {
  one_->Stop();
  two_->Stop();
  constexpr uint64_t kCallers = 3;
  PeerTransportOptions called = OptionsOf(9, &heard_);
  called.quota_bytes = size_t{4} << 20;
  called.receive_window_bytes.fill(16 << 20);
  auto nine = Start(std::move(called));
  heard_.KeepCredits(true);
  std::vector<std::unique_ptr<PeerTransport>> callers;
  for (uint64_t node = 1; node <= kCallers; ++node) {
    callers.push_back(Start(node, &unused_));
    nine->SetPeer(NodeId(node), callers.back()->address().ToString());
    callers.back()->SetPeer(NodeId(9), nine->address().ToString());
    ASSERT_TRUE(WaitConnected(*callers.back(), 9));
  }
  uint64_t sent = 0;
  for (uint64_t i = 2; i < 14; ++i) {
    for (uint64_t node = 1; node <= kCallers; ++node) {
      callers[node - 1]->Send(NodeId(9), EntryMessage(node, 9, 7, i, content_));
      ++sent;
    }
    ASSERT_TRUE(Eventually([&] { return heard_.entry_messages() == sent; }))
        << heard_.entry_messages() << " of " << sent;
  }
  for (uint64_t node = 1; node <= kCallers; ++node) {
    EXPECT_EQ(LinkOf(*callers[node - 1], 9, PeerClass::kEntries).connections,
              1u);
  }
  heard_.KeepCredits(false);
}

TEST_F(PeerFlowTest, StopsWhileTheWindowIsShut) {
  Fill();
  two_->Stop();
  one_->Stop();
  heard_.KeepCredits(false);
}

}  // namespace
}  // namespace kappa::server
