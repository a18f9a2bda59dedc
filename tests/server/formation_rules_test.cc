#include "server/formation_rules.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/wire/string_view.h"
#include "server/random_uuid.h"

namespace kappa::server {
namespace {

constexpr int64_t kNowUs = 50'000'000;
constexpr int64_t kFreshUs = 1'000'000;

Uuid Disk(uint8_t byte) {
  Uuid disk;
  disk.fill(byte);
  return disk;
}

// Three nodes, all there with empty directories; `self_` is node 1.
class FormationRulesTest : public testing::Test {
 protected:
  FormationRulesTest() {
    for (uint8_t i = 1; i <= 3; ++i) {
      peers_.push_back({NodeId(i), std::string(1, char('a' + i - 1)) + ":1"});
    }
    self_ = NodeOf(1);
    for (uint8_t i = 1; i <= 3; ++i) {
      raft::v1::ProbeResponse answer;
      answer.set_protocol_version(1);
      *answer.mutable_self() = ToClusterNode(NodeOf(i));
      for (const PeerAddress& peer : peers_) {
        raft::v1::ClusterNode* node = answer.add_peers();
        node->set_node_id(peer.node.value());
        node->set_address(peer.address);
      }
      results_.push_back({answer, kNowUs - 10, ""});
    }
  }
  NodeInfo NodeOf(uint8_t node) const {
    return {.node = NodeId(node),
            .disk_id = Disk(node),
            .address = peers_[node - 1].address,
            .client_address = "client" + std::to_string(node),
            .rack = "rack" + std::to_string(node)};
  }
  raft::v1::ProbeResponse& answer(size_t node) {
    return *results_[node - 1].answer;
  }
  // A formation of the three, with the disk of node 1 as given.
  static raft::v1::Formation Cluster(uint8_t cluster, uint8_t disk_of_1) {
    Identity identity;
    identity.cluster_id = Disk(cluster);
    for (uint8_t i = 1; i <= 3; ++i) {
      NodeInfo& founder = identity.founders.emplace_back();
      founder.node = NodeId(i);
      founder.disk_id = Disk(i == 1 ? disk_of_1 : i);
    }
    return FormationOf(identity);
  }

  absl::StatusOr<FormationVerdict> Judge() const {
    return JudgeProbes(self_, peers_, results_, kNowUs, kFreshUs);
  }
  std::string WaitsFor() const {
    const auto verdict = Judge();
    if (!verdict.ok()) return verdict.status().ToString();
    EXPECT_EQ(verdict->action, FormationVerdict::Action::kWait);
    return verdict->waits_for;
  }
  std::string Refusal() const {
    return std::string(ToStd(Judge().status().message()));
  }

  NodeInfo self_;
  std::vector<PeerAddress> peers_;
  std::vector<ProbeResult> results_;
};

TEST_F(FormationRulesTest, TheLowestIdFormsWhenAllAreThere) {
  const auto verdict = Judge();
  ASSERT_TRUE(verdict.ok());
  EXPECT_EQ(verdict->action, FormationVerdict::Action::kForm);
  EXPECT_EQ(verdict->founders,
            (std::vector<NodeInfo>{NodeOf(1), NodeOf(2), NodeOf(3)}));
  self_ = NodeOf(2);
  EXPECT_EQ(WaitsFor(),
            "node 1 at a:1, which forms the cluster: all are "
            "there");
}

TEST_F(FormationRulesTest, ANodeNeedNotReachItself) {
  results_[0] = {std::nullopt, 0, "no way"};
  EXPECT_EQ(Judge()->action, FormationVerdict::Action::kForm);
}

TEST_F(FormationRulesTest, NobodyFormsWhileOneIsMissing) {
  results_[2] = {std::nullopt, 0, "Connection refused"};
  EXPECT_EQ(WaitsFor(), "an answer of node 3 at c:1: Connection refused");
}

TEST_F(FormationRulesTest, AnAnswerAgesWithinASecond) {
  results_[1].asked_us = kNowUs - kFreshUs;
  EXPECT_EQ(Judge()->action, FormationVerdict::Action::kForm);
  results_[1].asked_us -= 1;
  EXPECT_EQ(WaitsFor(), "an answer of node 2 at b:1");
}

TEST_F(FormationRulesTest, AllHaveOneList) {
  answer(3).mutable_peers(1)->set_address("x:9");
  EXPECT_EQ(WaitsFor(),
            "one peer list on all nodes: that of node 3 at c:1 is "
            "\"1=a:1,2=x:9,3=c:1\", this node's is \"1=a:1,2=b:1,3=c:1\"");
  answer(3).mutable_peers()->RemoveLast();
  answer(3).mutable_peers(1)->set_address("b:1");
  EXPECT_EQ(WaitsFor(),
            "one peer list on all nodes: that of node 3 at c:1 is "
            "\"1=a:1,2=b:1\", this node's is \"1=a:1,2=b:1,3=c:1\"");
}

TEST_F(FormationRulesTest, AnotherNodeAtAnAddress) {
  answer(2).mutable_self()->set_node_id(3);
  EXPECT_EQ(WaitsFor(), "node 2 at b:1, where node 3 answers");
}

TEST_F(FormationRulesTest, DisksAreDistinct) {
  answer(3).mutable_self()->set_disk_id(std::string(16, 2));
  EXPECT_EQ(WaitsFor(),
            "disks of their own: nodes 2 and 3 both have disk "
            "02020202020202020202020202020202");
}

TEST_F(FormationRulesTest, AnswersThatMakeNoSense) {
  answer(2).mutable_self()->set_disk_id("short");
  EXPECT_EQ(WaitsFor(), "node 2 at b:1, whose answer makes no sense");
}

TEST_F(FormationRulesTest, ADiskThatAFormationNamesTakesItsPlace) {
  for (uint8_t i = 1; i <= 3; ++i) {
    self_ = NodeOf(i);
    answer(2).clear_formation();
    answer(3).clear_formation();
    *answer(i == 3 ? 2 : 3).mutable_formation() = Cluster(7, 1);
    const auto verdict = Judge();
    ASSERT_TRUE(verdict.ok());
    EXPECT_EQ(verdict->action, FormationVerdict::Action::kTakePlace);
    EXPECT_EQ(verdict->cluster_id, Disk(7));
    EXPECT_EQ(verdict->founders.size(), 3u);
  }
}

TEST_F(FormationRulesTest, AnotherDiskWaitsAndNeverForms) {
  *answer(3).mutable_formation() = Cluster(7, 9);
  const std::string waits =
      "being added: node 3 at c:1 belongs to cluster "
      "07070707070707070707070707070707, which was formed without this disk, "
      "01010101010101010101010101010101";
  EXPECT_EQ(WaitsFor(), waits);
  results_[1] = {};
  EXPECT_EQ(WaitsFor(), waits) << "even while another one is missing";
}

TEST_F(FormationRulesTest, OfTwoClustersTheOneThatNamesTheDisk) {
  *answer(2).mutable_formation() = Cluster(7, 9);
  *answer(3).mutable_formation() = Cluster(8, 9);
  EXPECT_NE(WaitsFor().find("node 2 at b:1 belongs to cluster 0707"),
            std::string::npos);
  *answer(3).mutable_formation() = Cluster(8, 1);
  EXPECT_EQ(Judge()->cluster_id, Disk(8));
}

TEST_F(FormationRulesTest, AFormationThatIsNone) {
  *answer(3).mutable_formation() = Cluster(7, 1);
  answer(3).mutable_formation()->set_cluster_id("short");
  EXPECT_NE(WaitsFor().find("being added"), std::string::npos);
  *answer(3).mutable_formation() = Cluster(7, 1);
  answer(3).mutable_formation()->mutable_nodes()->SwapElements(0, 1);
  EXPECT_NE(WaitsFor().find("being added"), std::string::npos);
}

TEST_F(FormationRulesTest, RefusesToBeASecondNodeOfItsId) {
  answer(1).mutable_self()->set_disk_id(std::string(16, 9));
  EXPECT_EQ(Refusal(),
            "node id 1 is taken: the node at a:1 has it too, on disk "
            "09090909090909090909090909090909, and this one is on disk "
            "01010101010101010101010101010101");
}

TEST_F(FormationRulesTest, WaitsForASecondNodeOfItsIdToGo) {
  answer(2).mutable_self()->set_node_id(1);
  EXPECT_EQ(WaitsFor(),
            "node 2 at b:1, where node 1 answers, which has this node's id");
}

TEST_F(FormationRulesTest, RefusesAnotherVersion) {
  answer(3).set_protocol_version(2);
  EXPECT_EQ(Refusal(),
            "node 3 at c:1 speaks protocol version 2, this node, 1, speaks "
            "version 1");
}

TEST_F(FormationRulesTest, AClusterOfOneIsAFormationToo) {
  const Identity alone = Identity::OfNewCluster();
  const raft::v1::Formation formation = FormationOf(alone);
  ASSERT_EQ(formation.nodes_size(), 1);
  EXPECT_TRUE(IsFormation(formation));
  EXPECT_EQ(formation.nodes(0).disk_id(), BytesOf(alone.disk_id));
  EXPECT_FALSE(IsFormation(raft::v1::Formation()));
}

}  // namespace
}  // namespace kappa::server
