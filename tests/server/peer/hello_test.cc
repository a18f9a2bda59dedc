#include "server/peer/hello.h"

#include <string>

#include "gtest/gtest.h"
#include "proto/wire/string_view.h"

namespace kappa::server {
namespace {

PeerIdentity Node(uint64_t node) {
  PeerIdentity identity;
  identity.cluster_id = "0123456789abcdef";
  identity.node = NodeId(node);
  identity.disk_id.fill(static_cast<uint8_t>(node));
  identity.open_id = 100 + node;
  identity.address = "127.0.0.1:1";
  return identity;
}

raft::v1::Hello From2To1() {
  return MakeHello(Node(2), NodeId(1), PeerClass::kEntries, {}, false);
}

std::string RefusalOf(const raft::v1::Hello& hello) {
  return std::string(ToStd(CheckHello(hello, Node(1)).message()));
}

TEST(HelloTest, SaysWhoSpeaksAndWhatItKnows) {
  raft::v1::Greeting known;
  known.set_known_disk_id(std::string(16, 'k'));
  known.add_evidence()->set_cycle(7);
  const raft::v1::Hello hello =
      MakeHello(Node(2), NodeId(1), PeerClass::kBulk, known, true);
  EXPECT_TRUE(CheckHello(hello, Node(1)).ok());
  EXPECT_EQ(ClassOf(hello), PeerClass::kBulk);
  EXPECT_EQ(hello.greeting().from_node(), 2u);
  EXPECT_EQ(hello.greeting().disk_id(), std::string(16, 2));
  EXPECT_EQ(hello.greeting().open_id(), 102u);
  EXPECT_EQ(hello.greeting().known_disk_id(), known.known_disk_id());
  EXPECT_EQ(hello.greeting().evidence(0).cycle(), 7u);
  EXPECT_TRUE(hello.greeting().answer());
}

TEST(HelloTest, NodesWithoutAClusterMayTalk) {
  PeerIdentity self = Node(1);
  self.cluster_id.clear();
  PeerIdentity other = Node(2);
  other.cluster_id.clear();
  EXPECT_TRUE(
      CheckHello(MakeHello(other, NodeId(1), PeerClass::kControl, {}, false),
                 self)
          .ok());
  EXPECT_EQ(std::string(ToStd(CheckHello(From2To1(), self).message())),
            "hello: node 2 belongs to cluster "
            "30313233343536373839616263646566, node 1 to cluster none");
}

TEST(HelloTest, RefusesAnotherVersionBeforeAnythingElse) {
  raft::v1::Hello hello;
  hello.set_protocol_version(9);
  hello.mutable_greeting()->set_from_node(2);
  EXPECT_EQ(RefusalOf(hello),
            "hello: node 2 speaks protocol version 9, node 1 speaks version 1");
}

TEST(HelloTest, RefusesAnotherCluster) {
  raft::v1::Hello hello = From2To1();
  hello.set_cluster_id("fedcba9876543210");
  EXPECT_EQ(RefusalOf(hello),
            "hello: node 2 belongs to cluster "
            "66656463626139383736353433323130, node 1 to cluster "
            "30313233343536373839616263646566");
}

TEST(HelloTest, RefusesOurOwnNodeId) {
  raft::v1::Hello hello = From2To1();
  hello.mutable_greeting()->set_from_node(1);
  EXPECT_EQ(RefusalOf(hello),
            "hello: node id 1 is both ends': on disk "
            "02020202020202020202020202020202 and on disk "
            "01010101010101010101010101010101");
}

TEST(HelloTest, RefusesToBeTakenForAnotherNode) {
  raft::v1::Hello hello = From2To1();
  hello.set_to_node(3);
  EXPECT_EQ(RefusalOf(hello),
            "hello: node 2 expects node 3, and this is node 1");
}

TEST(HelloTest, RefusesWhatIsNoHello) {
  const auto changed = [](auto change) {
    raft::v1::Hello hello = From2To1();
    change(&hello);
    EXPECT_EQ(CheckHello(hello, Node(1)).code(),
              absl::StatusCode::kInvalidArgument);
    return RefusalOf(hello);
  };
  EXPECT_EQ(changed([](auto* h) { h->mutable_greeting()->set_from_node(0); }),
            "hello: from_node is 0: no node");
  EXPECT_EQ(changed([](auto* h) { h->set_to_node(0); }),
            "hello: to_node is 0: no node");
  EXPECT_EQ(changed([](auto* h) { h->set_cluster_id("short"); }),
            "hello: cluster_id size is 5: neither 0 nor 16");
  EXPECT_EQ(changed([](auto* h) { h->mutable_greeting()->set_disk_id("d"); }),
            "hello: disk_id size is 1: not 16");
  EXPECT_EQ(changed([](auto* h) { h->mutable_greeting()->set_open_id(0); }),
            "hello: open_id is 0: no open");
  EXPECT_EQ(
      changed([](auto* h) { h->mutable_greeting()->set_known_disk_id("d"); }),
      "hello: known_disk_id size is 1: neither 0 nor 16");
  EXPECT_EQ(changed([](auto* h) {
              for (int i = 0; i < 17; ++i) {
                h->mutable_greeting()->add_evidence();
              }
            }),
            "hello: evidence size is 17: more than 16");
  EXPECT_EQ(changed([](auto* h) { h->set_address(std::string(513, 'a')); }),
            "hello: address size is 513: more than 512");
  EXPECT_EQ(
      changed([](auto* h) { h->set_client_address(std::string(513, 'a')); }),
      "hello: client_address size is 513: more than 512");
  EXPECT_EQ(changed([](auto* h) { h->set_rack(std::string(256, 'a')); }),
            "hello: rack size is 256: more than 255");
  EXPECT_EQ(changed([](auto* h) {
              h->set_traffic_class(raft::v1::TRAFFIC_CLASS_UNSPECIFIED);
            }),
            "hello: traffic_class is 0: unknown");
}

TEST(HelloTest, AnAnswerComesFromTheNodeThatWasCalled) {
  const auto answer = [](uint64_t node, PeerClass peer_class, bool answers) {
    return MakeHello(Node(node), NodeId(1), peer_class, {}, answers);
  };
  const auto check = [](const raft::v1::Hello& hello) {
    return CheckAnswer(hello, Node(1), NodeId(2), PeerClass::kControl);
  };
  EXPECT_TRUE(check(answer(2, PeerClass::kControl, true)).ok());
  EXPECT_EQ(
      std::string(ToStd(check(answer(3, PeerClass::kControl, true)).message())),
      "hello: node 3 answers where node 2 is expected");
  EXPECT_FALSE(check(answer(2, PeerClass::kBulk, true)).ok());
  EXPECT_FALSE(check(answer(2, PeerClass::kControl, false)).ok());
}

}  // namespace
}  // namespace kappa::server
