#include "server/peer/send_queue.h"

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "server/peer/peer_limits.h"
#include "tests/server/peer/peer_samples.h"

namespace kappa::server {
namespace {

std::vector<PeerMessage> Beats(uint64_t first, uint64_t count) {
  std::vector<PeerMessage> beats;
  for (uint64_t i = 0; i < count; ++i) {
    beats.push_back(Heartbeat(1, 2, 3, first + i));
  }
  return beats;
}

PeerMessage OfBytes(size_t bytes) {
  return EntryMessage(1, 2, 3, 5, Payload::FromString(std::string(bytes, 'x')));
}

const size_t kBeatCost = CostOf(Heartbeat(1, 2, 3, 4));

TEST(SendQueueTest, GivesBackInOrder) {
  SendQueue queue(1 << 20);
  queue.Open();
  queue.Push(Beats(0, 3));
  queue.Push(Beats(3, 2));
  std::vector<PeerMessage> out;
  EXPECT_EQ(queue.Take(1 << 20, &out), 5u);
  for (uint64_t i = 0; i < 5; ++i) EXPECT_EQ(out[i].message.beat, i);
  EXPECT_EQ(queue.bytes(), 0u);
  EXPECT_EQ(queue.counters().accepted, 5u);
}

TEST(SendQueueTest, DropsAndCountsWhatDoesNotFit) {
  SendQueue queue(3 * kBeatCost);
  queue.Open();
  queue.Push(Beats(0, 5));
  EXPECT_EQ(queue.bytes(), 3 * kBeatCost);
  EXPECT_EQ(queue.counters().accepted, 3u);
  EXPECT_EQ(queue.counters().dropped_full, 2u);
  std::vector<PeerMessage> out;
  EXPECT_EQ(queue.Take(1 << 20, &out), 3u);
  EXPECT_EQ(out.back().message.beat, 2u) << "the newest are dropped";
}

TEST(SendQueueTest, TakesALargeMessageOnlyAlone) {
  SendQueue queue(1000);
  queue.Open();
  std::vector<PeerMessage> messages;
  messages.push_back(OfBytes(1 << 20));
  messages.push_back(OfBytes(1 << 20));
  queue.Push(std::move(messages));
  EXPECT_EQ(queue.counters().accepted, 1u);
  EXPECT_EQ(queue.counters().dropped_full, 1u);
}

TEST(SendQueueTest, NeverTakesWhatNoReceiverWould) {
  SendQueue queue(size_t{64} << 20);
  queue.Open();
  std::vector<PeerMessage> messages;
  messages.push_back(OfBytes(kPeerMessageBytesMax));
  queue.Push(std::move(messages));
  EXPECT_EQ(queue.counters().dropped_too_large, 1u);
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(SendQueueTest, FramesStayBelowTheirSizeButForOneMessage) {
  SendQueue queue(1 << 20);
  queue.Open();
  queue.Push(Beats(0, 5));
  std::vector<PeerMessage> out;
  EXPECT_EQ(queue.Take(2 * kBeatCost, &out), 2u);
  EXPECT_EQ(queue.Take(1, &out), 1u) << "the first whatever its size";
  EXPECT_EQ(queue.bytes(), 2 * kBeatCost);
}

TEST(SendQueueTest, ClosedDropsWhatWaitsAndWhatComes) {
  SendQueue queue(1 << 20);
  queue.Push(Beats(0, 1));
  queue.Open();
  queue.Push(Beats(1, 2));
  queue.Close();
  queue.Push(Beats(3, 4));
  EXPECT_EQ(queue.counters().dropped_closed, 7u);
  EXPECT_EQ(queue.bytes(), 0u);
  queue.Open();
  std::vector<PeerMessage> out;
  EXPECT_EQ(queue.Take(1 << 20, &out), 0u);
}

TEST(SendQueueTest, KeepsTheOrderOfEachOfManySenders) {
  constexpr uint64_t kSenders = 4;
  constexpr uint64_t kMessages = 2'000;
  SendQueue queue(size_t{64} << 20);
  queue.Open();
  std::vector<std::thread> senders;
  for (uint64_t sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&queue, sender] {
      for (uint64_t i = 0; i < kMessages; ++i) {
        std::vector<PeerMessage> one;
        one.push_back(Heartbeat(1, 2, sender, i));
        queue.Push(std::move(one));
      }
    });
  }
  std::vector<uint64_t> next(kSenders, 0);
  uint64_t received = 0;
  while (received < kSenders * kMessages) {
    std::vector<PeerMessage> out;
    received += queue.Take(100 * kBeatCost, &out);
    for (const PeerMessage& message : out) {
      const uint64_t sender = message.message.group.value();
      ASSERT_EQ(message.message.beat, next[sender]++);
    }
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(queue.bytes(), 0u);
}

}  // namespace
}  // namespace kappa::server
