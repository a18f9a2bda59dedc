// RpcFixture: a real node on a real store behind a real gRPC server on
// loopback, in this process.
#ifndef KAPPA_TESTS_SERVER_RPC_RPC_FIXTURE_H_
#define KAPPA_TESTS_SERVER_RPC_RPC_FIXTURE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "kappa/v1/log_service.grpc.pb.h"
#include "kappa/v1/topic_service.grpc.pb.h"
#include "proto/wire/clock.h"
#include "server/node.h"
#include "server/rpc/grpc_server.h"

namespace kappa::server {

// A call's context with a deadline, so that nothing hangs.
struct Call {
  Call() {
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(20));
  }
  grpc::ClientContext context;
};

class RpcFixture : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  void StartServer();
  // BeginShutdown, Node::Shutdown, Stop, as kappad does.
  void StopServer();

  v1::Topic CreateTopic(const std::string& name, uint32_t partitions = 1);
  // Appends a batch of `count` records "prefix0", "prefix1", ...
  v1::AppendResponse Append(const std::string& topic, uint32_t count,
                            const std::string& prefix = "v");
  static v1::AppendRequest MakeAppend(const std::string& topic, uint32_t count,
                                      const std::string& prefix = "v");

  SystemClock clock_;
  GrpcServerOptions server_options_{.listen = {"127.0.0.1", 0}};
  std::string data_dir_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<GrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::LogService::Stub> log_;
  std::unique_ptr<v1::TopicService::Stub> topics_;
};

// The reason in the error details of a failed call; "OK" for none, "NONE" when
// they are missing.
std::string ReasonOf(const grpc::Status& status);
// A fact of the error details, or "".
std::string FactOf(const grpc::Status& status, const std::string& key);

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_RPC_RPC_FIXTURE_H_
