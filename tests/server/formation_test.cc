// The first start of nodes: one cluster, formed once, whatever happens between.
#include "server/formation.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proto/wire/mutex.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"
#include "server/formation_rules.h"
#include "server/random_uuid.h"
#include "tests/server/formation_harness.h"

namespace kappa::server {
namespace {

using FormationTest = FormationHarness;

// Many more than the questions that a formation takes.
constexpr uint64_t kManyLooks = 60;

TEST_F(FormationTest, ThreeNodesFormOnce) {
  const std::vector<Identity> formed = FormAll();
  ASSERT_EQ(formed[0].founders.size(), 3u);
  for (uint64_t node = 1; node <= 3; ++node) {
    const Identity& identity = formed[node - 1];
    EXPECT_EQ(identity.cluster_id, formed[0].cluster_id);
    EXPECT_EQ(identity.node_id, NodeId(node));
    EXPECT_FALSE(identity.formed);
    EXPECT_EQ(identity.founders, formed[0].founders);
    const NodeInfo& founder = identity.founders[node - 1];
    EXPECT_EQ(founder.node, NodeId(node));
    EXPECT_EQ(founder.disk_id, identity.disk_id);
    EXPECT_EQ(founder.address, peers_[node - 1].address);
    EXPECT_EQ(founder.client_address, "client:" + std::to_string(node));
    EXPECT_EQ(founder.rack, "rack " + std::to_string(node));
    EXPECT_EQ(**ReadIdentity(DirectoryOf(node)), identity);
    EXPECT_EQ(*FindCluster(OptionsOf(node)), identity) << "the next start";
  }
}

TEST_F(FormationTest, NobodyFormsWhileOneIsMissing) {
  auto one = Search(1);
  auto two = Search(2);
  ASSERT_TRUE(Eventually(
      [&] { return one->looks() > kManyLooks && two->looks() > kManyLooks; }));
  EXPECT_FALSE(one->ended() || two->ended());
  EXPECT_EQ(*ReadIdentity(DirectoryOf(1)), std::nullopt);
  auto three = Search(3);
  const auto formed = one->Result();
  ASSERT_TRUE(formed.ok()) << formed.status();
  Serve(1, *formed);
  EXPECT_EQ(two->Result()->cluster_id, formed->cluster_id);
  EXPECT_EQ(three->Result()->cluster_id, formed->cluster_id);
}

TEST_F(FormationTest, AnInterruptedFormationIsCompleted) {
  auto one = Search(1);
  auto two = Search(2);
  auto three = Search(3);
  const auto formed = one->Result();
  ASSERT_TRUE(formed.ok()) << formed.status();
  // Nobody heard of it: all end, and start again.
  two.reset();
  three.reset();
  EXPECT_EQ(*ReadIdentity(DirectoryOf(2)), std::nullopt);
  two = Search(2);
  three = Search(3);
  EXPECT_EQ(*FindCluster(OptionsOf(1)), *formed);
  Serve(1, *formed);
  const auto second = two->Result();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->cluster_id, formed->cluster_id);
  // The third one hears of it from the second.
  three.reset();
  EndServing(1);
  Serve(2, *second);
  const auto third = Search(3)->Result();
  ASSERT_TRUE(third.ok()) << third.status();
  EXPECT_EQ(third->cluster_id, formed->cluster_id);
}

// Each node in turn ends at each of its first looks, which are between any two
// durable steps, and starts again.
TEST_F(FormationTest, EndsAtAnyPointAndFormsOnce) {
  for (uint64_t victim = 1; victim <= 3; ++victim) {
    for (uint64_t look = 1; look <= 8; ++look) {
      SCOPED_TRACE(testing::Message()
                   << "node " << victim << " ends at look " << look);
      std::vector<std::unique_ptr<Searching>> searching(4);
      for (uint64_t node = 1; node <= 3; ++node) {
        Wipe(node);
        searching[node] = Search(node, node == victim ? look : 0);
      }
      std::vector<Identity> formed;
      for (uint64_t node = 1; node <= 3; ++node) {
        auto result = searching[node]->Result();
        ASSERT_TRUE(result.ok()) << result.status();
        Serve(node, *result);
        formed.push_back(*std::move(result));
      }
      for (const Identity& identity : formed) {
        EXPECT_EQ(identity.cluster_id, formed[0].cluster_id);
        EXPECT_EQ(identity.founders, formed[0].founders);
        EXPECT_EQ(identity.founders[identity.node_id.value() - 1].disk_id,
                  identity.disk_id);
      }
      for (uint64_t node = 1; node <= 3; ++node) EndServing(node);
    }
  }
}

TEST_F(FormationTest, HalfAFileCountsAsNone) {
  std::ofstream(DirectoryOf(1) + "/identity.next") << "ha";
  std::ofstream(DirectoryOf(2) + "/identity.new.next") << "ha";
  FormAll();
}

TEST_F(FormationTest, AWipedNodeWaits) {
  const std::vector<Identity> formed = FormAll();
  for (uint64_t node : {3, 1}) {  // 1: even the one that would form
    EndServing(node);
    Wipe(node);
    auto wiped = Search(node);
    ASSERT_TRUE(Eventually([&] { return wiped->looks() > kManyLooks; }));
    EXPECT_FALSE(wiped->ended());
    const std::string waits = WaitsFor(node);
    EXPECT_NE(waits.find("being added"), std::string::npos) << waits;
    EXPECT_NE(waits.find("formed without this disk"), std::string::npos);
    wiped.reset();
    EXPECT_EQ(*ReadIdentity(DirectoryOf(node)), std::nullopt);
    Serve(node, formed[node - 1]);
  }
}

TEST_F(FormationTest, AWipedNodeTakesThePlaceOfItsFormerDisk) {
  const std::vector<Identity> formed = FormAll();
  EndServing(3);
  Wipe(3);
  std::atomic<int> asked{0};
  PeerCallbacks callbacks;
  callbacks.join = [&](const raft::v1::JoinRequest& request,
                       PeerCallbacks::Done<raft::v1::JoinResponse> done) {
    // The former disk may still be heard.
    if (asked++ == 0) return done(absl::UnavailableError("it is heard"));
    EXPECT_TRUE(request.replaces());
    EXPECT_EQ(request.self().node_id(), 3u);
    EXPECT_NE(request.self().disk_id(), BytesOf(formed[2].disk_id));
    raft::v1::JoinResponse response;
    *response.mutable_formation() = FormationOf(formed[0]);
    *response.mutable_self() = request.self();
    response.mutable_self()->set_incarnation(2);
    done(response);
  };
  EndServing(1);
  Serve(1, formed[0], std::move(callbacks));
  const absl::StatusOr<Identity> found = Search(3)->Result();
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(found->cluster_id, formed[0].cluster_id);
  EXPECT_EQ(found->node_id, NodeId(3));
  EXPECT_EQ(found->incarnation, Incarnation(2));
  EXPECT_NE(found->disk_id, formed[2].disk_id);
  EXPECT_EQ(*ReadIdentity(DirectoryOf(3)), *found);
}

// Its disk may not be mounted: once its place is taken there is no way back.
TEST_F(FormationTest, AnEmptyDirectoryLeavesItsFormerDiskTime) {
  const std::vector<Identity> formed = FormAll();
  EndServing(3);
  Wipe(3);
  std::atomic<int> asked{0};
  PeerCallbacks callbacks;
  callbacks.join = [&](const raft::v1::JoinRequest&,
                       PeerCallbacks::Done<raft::v1::JoinResponse> done) {
    ++asked;
    done(absl::UnavailableError("it is heard"));
  };
  EndServing(1);
  Serve(1, formed[0], std::move(callbacks));
  FormationOptions options = OptionsOf(3);
  options.replace_after_us = int64_t{3600} * 1'000'000;
  {
    Searching waiting(options, 0);
    ASSERT_TRUE(Eventually([&] { return waiting.looks() > kManyLooks; }));
    EXPECT_EQ(asked, 0);
    const std::string waits = WaitsFor(3);
    EXPECT_NE(waits.find("for its former disk (is it not mounted?)"),
              std::string::npos)
        << waits;
  }
  // What was set aside here was mounted.
  std::filesystem::create_directory(DirectoryOf(3) + "/set-aside-1");
  Searching asking(options, 0);
  EXPECT_TRUE(Eventually([&] { return asked > 0; }));
}

TEST_F(FormationTest, NodesOfTwoClustersDoNotMix) {
  Identity alone = Identity::OfNewCluster();
  Serve(1, alone);
  Identity other = Identity::OfNewCluster();
  other.node_id = NodeId(2);
  Serve(2, other);
  auto three = Search(3);
  ASSERT_TRUE(Eventually([&] { return three->looks() > kManyLooks; }));
  EXPECT_FALSE(three->ended());
  EXPECT_NE(WaitsFor(3).find("being added"), std::string::npos);
  // The second one names its disk: an interrupted formation.
  other.founders = {FounderOf(2, other.disk_id),
                    FounderOf(3, *ReserveDiskId(DirectoryOf(3), {}))};
  Serve(2, other);
  EXPECT_EQ(three->Result()->cluster_id, other.cluster_id);
}

TEST_F(FormationTest, PeerListsThatDifferFormNothing) {
  FormationOptions options = OptionsOf(2);
  options.peers[2].address = "127.0.0.1:9";
  auto one = Search(1);
  auto three = Search(3);
  auto two = std::make_unique<Searching>(options, 0);
  ASSERT_TRUE(Eventually(
      [&] { return one->looks() > kManyLooks && two->looks() > kManyLooks; }));
  EXPECT_FALSE(one->ended() || two->ended() || three->ended());
}

TEST_F(FormationTest, ASecondNodeOfAnIdEnds) {
  auto two = Search(2);
  // Started with the number of the second node, where the third one belongs.
  FormationOptions options = OptionsOf(3);
  options.self.node = NodeId(2);
  const auto refused = Searching(options, 0).Result();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(ToStd(refused.status().message()).find("node id 2 is taken"),
            std::string_view::npos)
      << refused.status();
}

TEST_F(FormationTest, ADirectoryOfAnotherNodeIsRefused) {
  const std::string is_of_2 = DirectoryOf(2) + " belongs to node 2";
  FormationOptions options = OptionsOf(2);
  options.self.node = NodeId(3);
  ASSERT_TRUE(ReserveDiskId(DirectoryOf(2), NodeId(2)).ok());
  absl::Status refused = FindCluster(options).status();
  EXPECT_EQ(refused.ToString(),
            "FAILED_PRECONDITION: " + is_of_2 +
                ", which has no cluster yet, and this is node 3");
  FormAll();
  refused = FindCluster(options).status();
  EXPECT_EQ(refused.ToString(),
            "FAILED_PRECONDITION: " + is_of_2 + ", and this is node 3");
  options.self.node = NodeId(4);
  Wipe(2);
  EXPECT_EQ(FindCluster(options).status().ToString(),
            "INVALID_ARGUMENT: node 4 is not in its own list of peers");
}

class OneNodeTest : public FormationHarness {
 protected:
  OneNodeTest() : FormationHarness(1) {}
};

TEST_F(OneNodeTest, AListOfOneFormsAtOnce) {
  const auto formed = Search(1)->Result();
  ASSERT_TRUE(formed.ok()) << formed.status();
  EXPECT_EQ(formed->founders.size(), 1u);
}

// Nodes 1 and 2 are a cluster, of which 2 leads; node 3 joins.
class JoinTest : public FormationHarness {
 protected:
  JoinTest() {
    cluster_ = Identity::OfNewCluster();
    cluster_.founders = {FounderOf(1, cluster_.disk_id)};
  }
  FormationOptions Joining(uint64_t node_id) {
    FormationOptions options = OptionsOf(3);
    options.self.node = NodeId(node_id);
    options.self.address = peers_[2].address;
    options.peers.clear();
    options.join = {peers_[0].address};
    return options;
  }
  PeerCallbacks NotLeading() {
    PeerCallbacks callbacks;
    callbacks.join = [this](raft::v1::JoinRequest, auto done) {
      done(MakeError(
          v1::ERROR_REASON_NOT_LEADER, "node 2 leads",
          {{"leader_node", "2"}, {"leader_peer", peers_[1].address}}));
    };
    return callbacks;
  }
  PeerCallbacks Answering(std::function<absl::Status()> refuse) {
    PeerCallbacks callbacks;
    callbacks.join = [this, refuse](raft::v1::JoinRequest request, auto done) {
      if (absl::Status no = refuse(); !no.ok()) return done(no);
      EXPECT_EQ(request.self().address(), peers_[2].address);
      EXPECT_EQ(request.self().client_address(), "client:3");
      raft::v1::JoinResponse response;
      *response.mutable_formation() = FormationOf(cluster_);
      *response.mutable_self() = request.self();
      if (request.self().node_id() == 0) {
        response.mutable_self()->set_node_id(3);
      }
      done(std::move(response));
    };
    return callbacks;
  }

  Identity cluster_;
};

TEST_F(JoinTest, FollowsTheLeaderAndComesAgain) {
  for (uint64_t node_id : {0, 3}) {
    Wipe(3);
    Searching joining(Joining(node_id), 0);
    ASSERT_TRUE(Eventually([&] { return joining.looks() > 5; }));
    std::atomic<int> asked{0};
    Serve(2, cluster_, Answering([&] {
            return ++asked < 3 ? absl::UnavailableError("not yet")
                               : absl::OkStatus();
          }));
    Serve(1, cluster_, NotLeading());
    const auto joined = joining.Result();
    ASSERT_TRUE(joined.ok()) << joined.status();
    EXPECT_EQ(joined->cluster_id, cluster_.cluster_id);
    EXPECT_EQ(joined->node_id, NodeId(3));
    EXPECT_EQ(joined->founders, cluster_.founders);
    EXPECT_FALSE(joined->formed);
    EXPECT_EQ(**ReadIdentity(DirectoryOf(3)), *joined);
    EXPECT_EQ(*FindCluster(Joining(node_id)), *joined) << "the next start";
    EndServing(1);
    EndServing(2);
  }
}

// It ended after its directory was set aside and before anything was written to
// the new one: whose it is stands in the former one alone.
TEST_F(JoinTest, ADirectoryThatWasSetAsideSaysWhichNodeItIs) {
  const std::string aside = DirectoryOf(3) + "/set-aside-1";
  std::filesystem::create_directory(aside);
  Identity former = cluster_;
  former.node_id = NodeId(7);
  ASSERT_TRUE(WriteIdentity(aside, former).ok());
  Serve(1, cluster_, Answering([] { return absl::OkStatus(); }));
  const auto joined = Searching(Joining(0), 0).Result();
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_EQ(joined->node_id, NodeId(7));
  EXPECT_NE(joined->disk_id, former.disk_id);
}

// An older copy whose identity is damaged holds nobody up.
TEST_F(JoinTest, OneDirectoryThatWasSetAsideIsEnoughToSayIt) {
  const std::string aside = DirectoryOf(3) + "/set-aside-";
  for (const char* number : {"1", "2", "3"}) {
    std::filesystem::create_directory(aside + number);
    std::ofstream(aside + number + "/identity") << "damaged";
  }
  Serve(1, cluster_, Answering([] { return absl::OkStatus(); }));
  const absl::Status unread = FindCluster(Joining(0)).status();
  EXPECT_EQ(unread.ToString(), "DATA_LOSS: " + aside + "3/identity is damaged");
  Identity former = cluster_;
  former.node_id = NodeId(7);
  ASSERT_TRUE(WriteIdentity(aside + "2", former).ok());
  const auto joined = Searching(Joining(0), 0).Result();
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_EQ(joined->node_id, NodeId(7));
}

TEST_F(JoinTest, EndsWhenItIsRefused) {
  Serve(1, cluster_, Answering([] {
          return absl::FailedPreconditionError("node 3 has another disk");
        }));
  EXPECT_EQ(Searching(Joining(3), 0).Result().status().ToString(),
            "FAILED_PRECONDITION: node 3 has another disk");
}

TEST_F(JoinTest, EndsWhenTheNodeIsStopped) {
  PeerCallbacks never;
  Mutex mutex;
  std::vector<PeerCallbacks::Done<raft::v1::JoinResponse>> asked;
  never.join = [&](raft::v1::JoinRequest, auto done) {
    MutexLock lock(&mutex);
    asked.push_back(std::move(done));
  };
  Serve(1, cluster_, std::move(never));
  Searching joining(Joining(3), 0);
  ASSERT_TRUE(Eventually([&] {
    MutexLock lock(&mutex);
    return !asked.empty();
  }));
  joining.Stop();
  EXPECT_TRUE(absl::IsCancelled(joining.Result().status()));
}

// As a signal is.
TEST_F(JoinTest, EndsWhenItIsToldOnce) {
  PeerCallbacks never;
  std::atomic<bool> asked{false};
  std::vector<PeerCallbacks::Done<raft::v1::JoinResponse>> kept;
  never.join = [&](raft::v1::JoinRequest, auto done) {
    kept.push_back(std::move(done));
    asked = true;
  };
  Serve(1, cluster_, std::move(never));
  FormationOptions options = Joining(3);
  options.stop = [&] { return asked.exchange(false); };
  EXPECT_TRUE(absl::IsCancelled(FindCluster(options).status()));
  EndServing(1);
}

}  // namespace
}  // namespace kappa::server
