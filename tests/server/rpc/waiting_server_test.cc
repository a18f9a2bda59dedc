#include "server/rpc/waiting_server.h"

#include <memory>
#include <string>
#include <utility>

#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "kappa/v1/cluster_service.grpc.pb.h"
#include "kappa/v1/error.pb.h"
#include "kappa/v1/topic_service.grpc.pb.h"
#include "proto/wire/clock.h"

namespace kappa::server {
namespace {

class WaitingServerTest : public testing::Test {
 protected:
  WaitingServerTest() {
    WaitingServerOptions options;
    options.listen = {"127.0.0.1", 0};
    options.node = NodeId(3);
    options.clock = &clock_;
    auto server = WaitingServer::Start(options);
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ = grpc::CreateChannel(server_->address().ToString(),
                                   grpc::InsecureChannelCredentials());
  }

  SystemClock clock_;
  std::unique_ptr<WaitingServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(WaitingServerTest, TellsWhatTheNodeWaitsFor) {
  const auto stub = v1::ClusterService::NewStub(channel_);
  for (const std::string what : {"an answer of node 2", "being added"}) {
    server_->SetWaitsFor(what);
    grpc::ClientContext context;
    v1::GetHealthResponse health;
    ASSERT_TRUE(stub->GetHealth(&context, {}, &health).ok());
    EXPECT_EQ(health.node_id(), 3u);
    EXPECT_FALSE(health.healthy());
    ASSERT_EQ(health.problems_size(), 1);
    EXPECT_EQ(health.problems(0).kind(), v1::HEALTH_PROBLEM_KIND_NODE_WAITS);
    EXPECT_EQ(health.problems(0).message(),
              "node 3 has no cluster yet and waits: " + what);
    EXPECT_GT(health.problems(0).since_time_us(), 0);
  }
}

TEST_F(WaitingServerTest, KnowsItselfAlone) {
  const auto stub = v1::ClusterService::NewStub(channel_);
  grpc::ClientContext context;
  v1::DescribeClusterResponse cluster;
  ASSERT_TRUE(stub->DescribeCluster(&context, {}, &cluster).ok());
  EXPECT_EQ(cluster.cluster_id(), "");
  ASSERT_EQ(cluster.nodes_size(), 1);
  EXPECT_EQ(cluster.nodes(0).node_id(), 3u);
}

TEST_F(WaitingServerTest, SendsEverybodyElseToAnotherNode) {
  server_->SetWaitsFor("being added");
  const auto stub = v1::TopicService::NewStub(channel_);
  grpc::ClientContext context;
  v1::ListTopicsResponse topics;
  const grpc::Status refused = stub->ListTopics(&context, {}, &topics);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_NE(refused.error_message().find("being added"), std::string::npos);
  v1::Status details;
  ASSERT_TRUE(details.ParseFromString(refused.error_details()));
  ASSERT_EQ(details.details_size(), 1);
  EXPECT_NE(refused.error_details().find("NOT_LEADER"), std::string::npos);
}

}  // namespace
}  // namespace kappa::server
