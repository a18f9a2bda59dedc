// What other nodes ask of a node, and what waits when it ends.
#include <array>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/latch.h"
#include "tests/server/awaited.h"
#include "tests/server/node_cluster.h"

namespace kappa::server {
namespace {

class NodeCallsTest : public testing::Test {
 protected:
  NodeCallsTest()
      : cluster_([this](size_t i, MemoryHarness& node) {
          node.options.start_network =
              [this, i, start = node.options.start_network](
                  const Identity& identity, uint64_t open_id,
                  PeerCallbacks callbacks) {
                joins_[i] = callbacks.join;
                return start(identity, open_id, std::move(callbacks));
              };
          node.control().before_replicas = [this, i](bool creates) {
            if (creates && i == held_node_) hold_.Wait();
            return absl::OkStatus();
          };
        }) {}

  // Asks every node; the leader's answer, or why none takes it.
  absl::Status Join(const raft::v1::JoinRequest& request) {
    absl::Status status;
    EXPECT_TRUE(cluster_.Await([&] {
      for (const auto& join : joins_) {
        Awaited<raft::v1::JoinResponse> answer;
        join(request, answer.callback());
        status = answer.Get().status();
        if (ReasonOf(status) != "NOT_LEADER") return true;
      }
      return false;
    }));
    return status;
  }

  std::array<decltype(PeerCallbacks::join), NodeCluster::kNodes> joins_;
  size_t held_node_ = NodeCluster::kNodes;  // none
  Latch hold_{1};
  NodeCluster cluster_;
};

raft::v1::JoinRequest Joining() {
  raft::v1::JoinRequest request;
  raft::v1::ClusterNode& self = *request.mutable_self();
  self.set_node_id(9);
  self.set_disk_id(std::string(16, 'd'));
  self.set_address("peer9:1");
  self.set_client_address("client9:1");
  return request;
}

TEST_F(NodeCallsTest, WhoJoinsIsBounded) {
  raft::v1::JoinRequest id = Joining();
  id.mutable_self()->set_node_id(1'000'001);
  raft::v1::JoinRequest address = Joining();
  address.mutable_self()->set_address(std::string(513, 'a'));
  raft::v1::JoinRequest client = Joining();
  client.mutable_self()->set_client_address(std::string(513, 'c'));
  raft::v1::JoinRequest rack = Joining();
  rack.mutable_self()->set_rack(std::string(256, 'r'));
  for (const auto* request : {&id, &address, &client, &rack}) {
    const absl::Status refused = Join(*request);
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  }
  EXPECT_TRUE(absl::StrContains(Join(rack).message(), "a rack of 256 bytes"));
  raft::v1::JoinRequest largest = Joining();
  largest.mutable_self()->set_rack(std::string(255, 'r'));
  EXPECT_EQ(Join(largest), absl::OkStatus());
}

// A node whose disk hangs cannot make a topic's replicas; who waits for its
// topics is answered when it ends.
TEST_F(NodeCallsTest, WhoWaitsForTopicsIsAnsweredAtTheEnd) {
  cluster_.MakeTopic("t", 1);
  held_node_ = 2;
  v1::CreateTopicRequest request;
  request.set_name("u");
  ASSERT_TRUE(cluster_.Await([&] {
    for (const size_t i : {0, 1}) {
      v1::CreateTopicRequest again = request;
      Awaited<v1::CreateTopicResponse> made;
      cluster_.node(i).CreateTopic(std::move(again), made.callback());
      if (made.Get().ok()) return true;
    }
    return false;
  }));
  Latch answered(1);
  absl::Status status;
  // It confirms what is committed, which does not take its disk.
  cluster_.node(2).SyncTopics([&](const absl::Status& answer) {
    status = answer;
    answered.CountDown();
  });
  std::thread shutdown([this] { cluster_.node(2).Shutdown(); });
  EXPECT_TRUE(answered.WaitFor(20'000'000)) << "never answered";
  EXPECT_EQ(ReasonOf(status), "SHUTTING_DOWN") << status;
  hold_.CountDown();
  shutdown.join();
}

}  // namespace
}  // namespace kappa::server
