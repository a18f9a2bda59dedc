// PeerTransport: messages between nodes that are there, come and go.
#include "server/peer/peer_transport.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proto/wire/mutex.h"
#include "server/latch.h"
#include "tests/server/peer/peer_fixture.h"
#include "tests/server/peer/peer_samples.h"

namespace kappa::server {
namespace {

using PeerTransportTest = PeerFixture;

std::string AddressOf(const std::unique_ptr<PeerTransport>& transport) {
  return transport->address().ToString();
}

TEST_F(PeerTransportTest, CarriesEveryFieldOfEveryType) {
  Heard heard;
  Heard unused;
  auto two = Start(2, &heard);
  auto one = Start(1, &unused);
  one->SetPeer(NodeId(2), AddressOf(two));
  ASSERT_TRUE(WaitConnected(*one, 2));
  for (int type = 0; type < kMessageTypes; ++type) {
    const PeerMessage sent =
        FullMessage(static_cast<raft::MessageType>(type), 1, 2);
    one->Send(NodeId(2), sent);
    ASSERT_TRUE(heard.WaitForCount(static_cast<size_t>(type) + 1)) << type;
    EXPECT_EQ(EncodeWhole(heard.messages().back()), EncodeWhole(sent)) << type;
  }
  EXPECT_TRUE(unused.messages().empty());
}

TEST_F(PeerTransportTest, KeepsTheOrderWithinAClass) {
  constexpr uint64_t kGroups = 3;
  constexpr uint64_t kMessages = 500;
  Heard heard;
  Heard unused;
  auto two = Start(2, &heard);
  auto one = Start(1, &unused);
  // From the first one on: they wait for the connection.
  one->SetPeer(NodeId(2), AddressOf(two));
  const Payload content = Payload::FromString(Pattern(5'000));
  for (uint64_t i = 1; i <= kMessages; ++i) {
    for (uint64_t group = 0; group < kGroups; ++group) {
      one->Send(NodeId(2), EntryMessage(1, 2, group, i, content));
      one->Send(NodeId(2), Heartbeat(1, 2, group, i));
    }
  }
  ASSERT_TRUE(heard.WaitForCount(2 * kGroups * kMessages));
  std::vector<uint64_t> entries(kGroups, 0);
  std::vector<uint64_t> beats(kGroups, 0);
  for (const PeerMessage& got : heard.messages()) {
    const uint64_t group = got.message.group.value();
    if (got.contents.empty()) {
      ASSERT_EQ(got.message.beat, ++beats[group]);
    } else {
      ASSERT_EQ(got.message.entries[0].id.index.value(), ++entries[group]);
      ASSERT_EQ(got.contents[0].ToString(), content.ToString());
    }
  }
}

TEST_F(PeerTransportTest, ThreeNodesTalkToEachOther) {
  Heard heard[3];
  std::unique_ptr<PeerTransport> nodes[3];
  for (uint64_t i = 0; i < 3; ++i) nodes[i] = Start(i + 1, &heard[i]);
  for (uint64_t from = 0; from < 3; ++from) {
    for (uint64_t to = 0; to < 3; ++to) {
      if (from == to) continue;
      nodes[from]->SetPeer(NodeId(to + 1), AddressOf(nodes[to]));
      nodes[from]->Send(NodeId(to + 1), Heartbeat(from + 1, to + 1, 7, 1));
    }
  }
  for (uint64_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(heard[i].WaitForCount(2));
    EXPECT_EQ(heard[i].messages().size(), 2u);
    EXPECT_EQ(nodes[i]->Statuses().size(), 2u);
  }
}

TEST_F(PeerTransportTest, CarriesTheLargestBatch) {
  Heard heard;
  Heard unused;
  auto two = Start(2, &heard);
  auto one = Start(1, &unused);
  one->SetPeer(NodeId(2), AddressOf(two));
  const Payload content = Payload::FromString(Pattern(16 << 20));
  PeerMessage sent = EntryMessage(1, 2, 7, 5, content);
  one->Send(NodeId(2), sent);
  ASSERT_TRUE(heard.WaitForCount(1));
  EXPECT_TRUE(heard.messages()[0].contents[0].ToString() == content.ToString());
}

TEST_F(PeerTransportTest, HeartbeatsOfAllGroupsAreOneFrame) {
  constexpr uint64_t kGroups = 10'000;
  Heard heard;
  Heard unused;
  auto two = Start(2, &heard);
  PeerTransportOptions options = OptionsOf(1, &unused);
  options.beat_period_us = 0;
  auto one = Start(std::move(options));
  one->SetPeer(NodeId(2), AddressOf(two));
  ASSERT_TRUE(WaitConnected(*one, 2));
  std::vector<PeerMessage> beats;
  for (uint64_t group = 0; group < kGroups; ++group) {
    beats.push_back(Heartbeat(1, 2, group, 1));
  }
  one->Send(NodeId(2), std::move(beats));
  ASSERT_TRUE(heard.WaitForCount(kGroups));
  const LinkStatus link = LinkOf(*one, 2, PeerClass::kControl);
  EXPECT_EQ(link.sent_frames, 1u);
  EXPECT_EQ(link.sent_messages, kGroups);
  EXPECT_LT(link.sent_bytes, kGroups * 50);
  const PeerStatus status = StatusOf(*two, 1);
  EXPECT_EQ(status.hearing->streams[0].received_frames, 1u);
}

TEST_F(PeerTransportTest, ANodeThatLivesIsHeardWithoutMessages) {
  Heard heard;
  auto two = Start(2, &heard);
  PeerTransportOptions options = OptionsOf(1, &heard);
  options.beat_period_us = 1'000;
  auto one = Start(std::move(options));
  EXPECT_FALSE(two->LastHeardUs(NodeId(1)).has_value());
  one->SetPeer(NodeId(2), AddressOf(two));
  ASSERT_TRUE(
      Eventually([&] { return two->LastHeardUs(NodeId(1)).has_value(); }));
  const int64_t first_us = *two->LastHeardUs(NodeId(1));
  EXPECT_TRUE(Eventually(
      [&] { return *two->LastHeardUs(NodeId(1)) > first_us + 5'000; }));
  EXPECT_TRUE(heard.messages().empty());
  one->Stop();
  EXPECT_TRUE(Eventually(
      [&] { return !StatusOf(*two, 1).hearing->streams[0].connected; }));
}

TEST_F(PeerTransportTest, TellsWhereItIsReached) {
  Heard unused;
  Mutex mutex;
  std::vector<raft::v1::Hello> hellos;
  const auto judge = [&](const raft::v1::Hello& hello) {
    MutexLock lock(&mutex);
    hellos.push_back(hello);
    return absl::OkStatus();
  };
  PeerTransportOptions called = OptionsOf(2, &unused);
  called.callbacks.judge = judge;
  called.self.address = "node2.example:7500";
  called.self.client_address = "node2.example:7400";
  called.self.rack = "cellar";
  auto two = Start(std::move(called));
  PeerTransportOptions caller = OptionsOf(1, &unused);
  caller.callbacks.judge = judge;
  auto one = Start(std::move(caller));
  one->SetPeer(NodeId(2), AddressOf(two));
  ASSERT_TRUE(WaitConnected(*one, 2));
  one->Stop();
  two->Stop();
  MutexLock lock(&mutex);
  EXPECT_EQ(hellos.size(), 2 * kPeerClassCount);
  EXPECT_NE(one->address().port, 0);
  for (const raft::v1::Hello& hello : hellos) {
    const bool answer = hello.greeting().answer();
    EXPECT_EQ(hello.address(), answer ? "node2.example:7500" : AddressOf(one))
        << "the real port unless something else is told";
    EXPECT_EQ(hello.client_address(), answer ? "node2.example:7400" : "");
    EXPECT_EQ(hello.rack(), answer ? "cellar" : "");
  }
}

TEST_F(PeerTransportTest, TellsHowFarItsDiskHasCome) {
  Heard heard;
  Heard unused;
  std::atomic<uint64_t> noted{0};
  std::atomic<bool> refuses{false};
  PeerTransportOptions called = OptionsOf(2, &heard);
  called.callbacks.note = [&](NodeId node, const Uuid& disk_id,
                              const raft::Generation& told) {
    EXPECT_EQ(node, NodeId(1));
    EXPECT_EQ(disk_id[0], 1);
    EXPECT_EQ(told.open_id, 1001u);
    if (refuses) return absl::FailedPreconditionError("an earlier open");
    noted = told.cycle;
    return absl::OkStatus();
  };
  called.beat_period_us = 5'000;
  auto two = Start(std::move(called));
  std::atomic<uint64_t> cycle{5};
  PeerTransportOptions caller = OptionsOf(1, &unused);
  caller.callbacks.own_cycle = [&] { return cycle.load(); };
  caller.beat_period_us = 5'000;
  auto one = Start(std::move(caller));
  one->SetPeer(NodeId(2), AddressOf(two));
  ASSERT_TRUE(WaitConnected(*one, 2));
  EXPECT_TRUE(Eventually([&] { return noted == 5; }))
      << "a sign of life says it";
  cycle = 6;
  one->Send(NodeId(2), Heartbeat(1, 2, 7, 1));
  ASSERT_TRUE(heard.WaitForCount(1));
  EXPECT_EQ(noted, 6u) << "before the message is delivered";
  // Whoever is refused is not heard, and is told why.
  refuses = true;
  one->Send(NodeId(2), Heartbeat(1, 2, 7, 2));
  EXPECT_NE(WaitForError(*one, 2).find("an earlier open"), std::string::npos);
  EXPECT_EQ(heard.messages().size(), 1u);
  one->Stop();
  two->Stop();
}

TEST_F(PeerTransportTest, FindsANodeThatComesLater) {
  Heard heard;
  Heard unused;
  auto place = Start(2, &heard);
  const ListenAddress address = place->address();
  place.reset();
  auto one = Start(1, &unused);
  one->SetPeer(NodeId(2), address.ToString());
  ASSERT_NE(WaitForError(*one, 2), "");
  EXPECT_TRUE(Eventually([&] {
    one->Send(NodeId(2), Heartbeat(1, 2, 7, 1));
    return LinkOf(*one, 2, PeerClass::kControl).queue.dropped_closed > 0;
  })) << "what is sent to a node that is away is dropped";
  PeerTransportOptions options = OptionsOf(2, &heard);
  options.listen = address;
  auto two = Start(std::move(options));
  ASSERT_TRUE(WaitConnected(*one, 2));
  one->Send(NodeId(2), Heartbeat(1, 2, 7, 99));
  EXPECT_TRUE(heard.WaitFor([](const auto& messages) {
    return !messages.empty() && messages.back().message.beat == 99;
  }));
}

TEST_F(PeerTransportTest, FindsANodeThatRestarts) {
  Heard heard;
  Heard heard_by_one;
  auto two = Start(2, &heard);
  auto one = Start(1, &heard_by_one);
  one->SetPeer(NodeId(2), AddressOf(two));
  two->SetPeer(NodeId(1), AddressOf(one));
  ASSERT_TRUE(WaitConnected(*one, 2));
  ASSERT_TRUE(WaitConnected(*two, 1));
  for (uint64_t restart = 1; restart <= 3; ++restart) {
    PeerTransportOptions options = OptionsOf(2, &heard);
    options.listen = two->address();
    options.self.open_id = 5000 + restart;
    two->Stop();
    two = Start(std::move(options));
    two->SetPeer(NodeId(1), AddressOf(one));
    ASSERT_TRUE(WaitConnected(*two, 1));
    EXPECT_EQ(StatusOf(*one, 2).hearing->open_id, 5000 + restart);
    two->Send(NodeId(1), Heartbeat(2, 1, 7, restart));
    ASSERT_TRUE(heard_by_one.WaitForCount(restart));
    // One loses its streams a moment later than two is back.
    EXPECT_TRUE(Eventually([&] {
      one->Send(NodeId(2), Heartbeat(1, 2, 7, restart));
      const std::vector<PeerMessage> messages = heard.messages();
      return !messages.empty() && messages.back().message.beat == restart;
    }));
  }
}

TEST_F(PeerTransportTest, FollowsANodeThatMoves) {
  Heard before;
  Heard after;
  Heard unused;
  auto two = Start(2, &before);
  auto one = Start(1, &unused);
  one->SetPeer(NodeId(2), AddressOf(two));
  ASSERT_TRUE(WaitConnected(*one, 2));
  auto moved = Start(2, &after);
  one->SetPeer(NodeId(2), AddressOf(moved));
  EXPECT_TRUE(Eventually([&] {
    one->Send(NodeId(2), Heartbeat(1, 2, 7, 1));
    return !after.messages().empty();
  }));
  EXPECT_EQ(StatusOf(*one, 2).sending->address, AddressOf(moved));
}

TEST_F(PeerTransportTest, ForgetsANodeThatIsRemoved) {
  Heard heard;
  Heard heard_by_one;
  auto two = Start(2, &heard);
  auto one = Start(1, &heard_by_one);
  one->SetPeer(NodeId(2), AddressOf(two));
  ASSERT_TRUE(WaitConnected(*one, 2));
  one->RemovePeer(NodeId(2));
  EXPECT_TRUE(one->Statuses().empty());
  one->Send(NodeId(2), Heartbeat(1, 2, 7, 1));
  EXPECT_EQ(one->dropped_unknown(), 1u);
  EXPECT_TRUE(Eventually(
      [&] { return !StatusOf(*two, 1).hearing->streams[0].connected; }));
  // And comes back.
  one->SetPeer(NodeId(2), AddressOf(two));
  one->Send(NodeId(2), Heartbeat(1, 2, 7, 2));
  EXPECT_TRUE(heard.WaitForCount(1));
}

TEST_F(PeerTransportTest, CallsNobodyAfterStop) {
  constexpr int kRounds = 3;
  const Payload content = Payload::FromString(Pattern(200'000));
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<bool> stopped{false};
    std::atomic<uint64_t> heard{0};
    Heard unused;
    PeerTransportOptions options = OptionsOf(2, &unused);
    options.callbacks.deliver = [&](PeerDelivery) {
      EXPECT_FALSE(stopped.load());
      heard.fetch_add(1);
    };
    options.callbacks.judge = [&](const raft::v1::Hello&) {
      EXPECT_FALSE(stopped.load());
      return absl::OkStatus();
    };
    auto two = Start(std::move(options));
    auto one = Start(1, &unused);
    one->SetPeer(NodeId(2), AddressOf(two));
    two->SetPeer(NodeId(1), AddressOf(one));
    std::atomic<bool> done{false};
    std::vector<std::thread> senders;
    for (uint64_t group = 0; group < 2; ++group) {
      senders.emplace_back([&, group] {
        for (uint64_t i = 2; !done; ++i) {
          one->Send(NodeId(2), EntryMessage(1, 2, group, i, content));
          two->Send(NodeId(1), Heartbeat(2, 1, group, i));
          std::this_thread::yield();
        }
      });
    }
    EXPECT_TRUE(Eventually([&] { return heard.load() > 50; }));
    two->Stop();
    stopped = true;
    one->Stop();
    done = true;
    for (std::thread& sender : senders) sender.join();
  }
}

TEST_F(PeerTransportTest, EveryStopWaitsForTheEnd) {
  Heard unused;
  Latch entered(1);
  Latch let_go(1);
  std::atomic<bool> over{false};
  PeerTransportOptions options = OptionsOf(2, &unused);
  options.callbacks.deliver = [&](PeerDelivery) {
    entered.CountDown();
    let_go.Wait();
    over = true;
  };
  auto two = Start(std::move(options));
  auto one = Start(1, &unused);
  one->SetPeer(NodeId(2), AddressOf(two));
  one->Send(NodeId(2), Heartbeat(1, 2, 7, 1));
  ASSERT_TRUE(entered.WaitFor(20'000'000));
  std::atomic<int> stopping{0};
  std::vector<std::thread> stops;
  for (int i = 0; i < 3; ++i) {
    stops.emplace_back([&] {
      ++stopping;
      two->Stop();
      EXPECT_TRUE(over.load()) << "a callback is under way";
    });
  }
  ASSERT_TRUE(Eventually([&] { return stopping == 3; }));
  // Two of them would have returned by now, had they not to wait.
  ASSERT_TRUE(Eventually([&] {
    return LinkOf(*one, 2, PeerClass::kControl).state != LinkState::kConnected;
  }));
  let_go.CountDown();
  for (std::thread& stop : stops) stop.join();
}

TEST_F(PeerTransportTest, StopsWhileNothingAnswers) {
  Heard unused;
  auto place = Start(9, &unused);
  const std::string nobody = AddressOf(place);
  place.reset();
  auto one = Start(1, &unused);
  for (uint64_t node = 2; node < 6; ++node) one->SetPeer(NodeId(node), nobody);
  one->Stop();
  one->Stop();
  one->Send(NodeId(2), Heartbeat(1, 2, 7, 1));
  one->SetPeer(NodeId(8), nobody);
}

}  // namespace
}  // namespace kappa::server
