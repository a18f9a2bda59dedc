#include "server/cluster_config.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kappa::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string PeersError(std::string_view text) {
  return std::string(ParsePeers(text).status().message());
}

TEST(ClusterConfigTest, PeersAreOrderedByNode) {
  EXPECT_THAT(*ParsePeers("2=b:2,1=a:1"),
              ElementsAre(PeerAddress{NodeId(1), "a:1"},
                          PeerAddress{NodeId(2), "b:2"}));
  EXPECT_THAT(*ParsePeers("7=[::1]:5"),
              ElementsAre(PeerAddress{NodeId(7), "[::1]:5"}));
  EXPECT_TRUE(ParsePeers("")->empty());
}

TEST(ClusterConfigTest, AWrongListNamesTheItem) {
  EXPECT_THAT(PeersError("a:1"), HasSubstr("\"a:1\": must be NODE-ID="));
  EXPECT_THAT(PeersError("0=a:1"), HasSubstr("the id from 1"));
  EXPECT_THAT(PeersError("1=a"), HasSubstr("\"a\""));
  EXPECT_THAT(PeersError("1=a:0"), HasSubstr("needs a port"));
  EXPECT_THAT(PeersError("1=a:1,1=b:2"), HasSubstr("is in the list already"));
  EXPECT_THAT(PeersError("1=a:1,2=a:1"), HasSubstr("is in the list already"));
  EXPECT_FALSE(ParseAddressList("a:1,,b:2").ok());
  EXPECT_THAT(*ParseAddressList("a:1,b:2"), ElementsAre("a:1", "b:2"));
}

std::string Refusal(const ClusterConfig& config, bool insecure = false,
                    const ListenAddress& listen = {"127.0.0.1", 7400}) {
  return std::string(CheckClusterConfig(config, listen, insecure).message());
}

TEST(ClusterConfigTest, ANodeAloneNeedsNothing) {
  ClusterConfig config;
  EXPECT_FALSE(config.listens());
  EXPECT_EQ(Refusal(config, false, {"127.0.0.1", 0}), "");
}

TEST(ClusterConfigTest, ANodeIsInItsOwnList) {
  ClusterConfig config;
  config.peers = *ParsePeers("1=127.0.0.1:1,2=127.0.0.1:2");
  EXPECT_EQ(Refusal(config), "");
  EXPECT_EQ(config.PeerListen(), (ListenAddress{"127.0.0.1", 7500}));
  config.node_id = 3;
  EXPECT_THAT(Refusal(config), HasSubstr("node_id 3 is not among"));
  config.node_id = 2;
  config.join = {"127.0.0.1:9"};
  EXPECT_THAT(Refusal(config), HasSubstr("peers and join are both set"));
}

TEST(ClusterConfigTest, WhatOthersAreToldHasAPort) {
  ClusterConfig config;
  config.join = {"127.0.0.1:9"};
  EXPECT_THAT(Refusal(config, false, {"127.0.0.1", 0}),
              HasSubstr("advertise: must be given"));
  config.advertise = "127.0.0.1:0";
  EXPECT_THAT(Refusal(config), HasSubstr("advertise: \"127.0.0.1:0\""));
  config.advertise = "db1.example:7400";
  EXPECT_EQ(Refusal(config, false, {"127.0.0.1", 0}), "");
  config.peer_listen = ListenAddress{"127.0.0.1", 0};
  EXPECT_THAT(Refusal(config), HasSubstr("peer_advertise: must be given"));
}

TEST(ClusterConfigTest, RemoteNodePortsNeedTlsOrConsent) {
  ClusterConfig config;
  config.peer_listen = ListenAddress{"0.0.0.0", 7500};
  config.peer_advertise = "db1.example:7500";
  EXPECT_THAT(Refusal(config), HasSubstr("node_tls_cert"));
  EXPECT_EQ(Refusal(config, true), "");
  config.tls.cert = "/nowhere/cert.pem";
  EXPECT_THAT(Refusal(config, true), HasSubstr("must be set together"));
  config.tls.key = "/nowhere/key.pem";
  config.tls.ca = "/nowhere/ca.pem";
  EXPECT_THAT(Refusal(config, true), HasSubstr("/nowhere/"));
}

}  // namespace
}  // namespace kappa::server
