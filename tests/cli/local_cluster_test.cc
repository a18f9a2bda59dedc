#include "client/cli/local/local_cluster.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kappa::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

std::string FreshDirectory() {
  std::string pattern = ::testing::TempDir() + "/clusterXXXXXX";
  return mkdtemp(pattern.data());
}

LocalCluster Make(LocalSettings settings) {
  settings.kappad = "/bin/kappad";
  settings.base_port = 7000;
  return *LocalCluster::OpenOrMake(FreshDirectory(), settings);
}

TEST(LocalClusterTest, OneNodeIsStartedWithoutPeers) {
  const LocalCluster cluster =
      Make({.nodes = 1, .arguments = {"--log-level", "debug"}});
  EXPECT_THAT(
      cluster.CommandOf(1),
      ElementsAre("/bin/kappad", "--data-dir", cluster.directory() + "/node-1",
                  "--listen", "127.0.0.1:7000", "--metrics-listen",
                  "127.0.0.1:7200", "--log-level", "debug"));
  EXPECT_EQ(cluster.Seeds(), "127.0.0.1:7000");
}

TEST(LocalClusterTest, EachOfSeveralNodesKnowsAll) {
  const LocalCluster cluster = Make({.nodes = 3});
  EXPECT_THAT(
      cluster.CommandOf(3),
      ElementsAre("/bin/kappad", "--data-dir", cluster.directory() + "/node-3",
                  "--listen", "127.0.0.1:7002", "--metrics-listen",
                  "127.0.0.1:7202", "--node-id", "3", "--peer-listen",
                  "127.0.0.1:7102", "--peers",
                  "1=127.0.0.1:7100,2=127.0.0.1:7101,3=127.0.0.1:7102"));
  EXPECT_EQ(cluster.Seeds(), "127.0.0.1:7000,127.0.0.1:7001,127.0.0.1:7002");
}

TEST(LocalClusterTest, ClientsAndNodesAreTrustedByDifferentCas) {
  const std::vector<std::string> words =
      Make({.nodes = 3, .tls = true}).CommandOf(2);
  const auto value_of = [&words](const std::string& flag) {
    for (size_t i = 0; i + 1 < words.size(); ++i) {
      if (words[i] == flag) return words[i + 1].substr(words[i + 1].rfind('/'));
    }
    return std::string();
  };
  EXPECT_EQ(value_of("--tls-cert"), "/server-2.pem");
  EXPECT_EQ(value_of("--tls-key"), "/server-2.key");
  EXPECT_EQ(value_of("--tls-client-ca"), "/ca.pem");
  EXPECT_EQ(value_of("--node-tls-cert"), "/node-2.pem");
  EXPECT_EQ(value_of("--node-tls-key"), "/node-2.key");
  EXPECT_EQ(value_of("--node-tls-ca"), "/node-ca.pem");
  EXPECT_THAT(Make({.nodes = 1, .tls = true}).CommandOf(1),
              Not(Contains("--node-tls-cert")));
}

TEST(LocalClusterTest, WhatIsSavedIsThereAgain) {
  const std::string directory = FreshDirectory();
  const LocalSettings settings{.nodes = 2,
                               .base_port = 9000,
                               .tls = true,
                               .kappad = "/bin/kappad",
                               .arguments = {"--a", "b \"c\""}};
  {
    LocalCluster cluster = *LocalCluster::OpenOrMake(directory, settings);
    cluster.SetProcess(2, NodeProcess(17, 1'234));
    ASSERT_TRUE(cluster.Save().ok());
  }
  const LocalCluster cluster = *LocalCluster::Open(directory);
  EXPECT_EQ(cluster.settings(), settings);
  EXPECT_EQ(cluster.process(1), NodeProcess());
  EXPECT_EQ(cluster.process(2), NodeProcess(17, 1'234));
}

}  // namespace
}  // namespace kappa::cli
