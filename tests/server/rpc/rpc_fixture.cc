#include "tests/server/rpc/rpc_fixture.h"

#include <cstdio>
#include <filesystem>
#include <utility>

#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"

namespace kappa::server {

void RpcFixture::SetUp() {
  data_dir_ = testing::TempDir() + "/rpc_" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
  std::filesystem::remove_all(data_dir_);
  std::filesystem::create_directories(data_dir_);
  StartServer();
}

void RpcFixture::TearDown() {
  StopServer();
  std::filesystem::remove_all(data_dir_);
}

void RpcFixture::StartServer() {
  NodeOptions options;
  options.data_dir = data_dir_;
  options.shards = 2;
  options.clock = &clock_;
  options.on_fatal = [](const absl::Status& status) {
    std::fprintf(stderr, "fatal: %s\n", status.ToString().c_str());
    std::abort();
  };
  auto node = Node::Open(options);
  ASSERT_TRUE(node.ok()) << node.status();
  node_ = *std::move(node);
  auto server = GrpcServer::Start(server_options_, node_.get(), &clock_);
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  channel_ = grpc::CreateChannel(server_->address().ToString(),
                                 grpc::InsecureChannelCredentials());
  log_ = v1::LogService::NewStub(channel_);
  topics_ = v1::TopicService::NewStub(channel_);
}

void RpcFixture::StopServer() {
  if (server_ != nullptr) server_->BeginShutdown();
  if (node_ != nullptr) node_->Shutdown();
  if (server_ != nullptr) server_->Stop();
  server_.reset();
  node_.reset();
}

v1::Topic RpcFixture::CreateTopic(const std::string& name,
                                  uint32_t partitions) {
  Call call;
  v1::CreateTopicRequest request;
  request.set_name(name);
  request.set_partitions(partitions);
  v1::CreateTopicResponse response;
  const grpc::Status status =
      topics_->CreateTopic(&call.context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.topic();
}

v1::AppendRequest RpcFixture::MakeAppend(const std::string& topic,
                                         uint32_t count,
                                         const std::string& prefix) {
  v1::AppendRequest request;
  request.set_topic(topic);
  for (uint32_t i = 0; i < count; ++i) {
    request.mutable_batch()->mutable_records()->add_records()->set_value(
        prefix + std::to_string(i));
  }
  return request;
}

v1::AppendResponse RpcFixture::Append(const std::string& topic, uint32_t count,
                                      const std::string& prefix) {
  Call call;
  v1::AppendResponse response;
  const grpc::Status status =
      log_->Append(&call.context, MakeAppend(topic, count, prefix), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

namespace {

v1::ErrorInfo InfoOf(const grpc::Status& status) {
  v1::Status details;
  v1::ErrorInfo info;
  if (details.ParseFromString(status.error_details()) &&
      details.details_size() == 1) {
    EXPECT_EQ(details.code(), status.error_code());
    EXPECT_EQ(details.message(), status.error_message());
    EXPECT_EQ(details.details(0).type_url(),
              "type.googleapis.com/google.rpc.ErrorInfo");
    info.ParseFromString(details.details(0).value());
    EXPECT_EQ(info.domain(), "kappa");
  }
  return info;
}

}  // namespace

std::string ReasonOf(const grpc::Status& status) {
  if (status.ok()) return "OK";
  const std::string reason = InfoOf(status).reason();
  return reason.empty() ? "NONE" : reason;
}

std::string FactOf(const grpc::Status& status, const std::string& key) {
  const v1::ErrorInfo info = InfoOf(status);
  const auto found = info.metadata().find(key);
  return found == info.metadata().end() ? "" : found->second;
}

}  // namespace kappa::server
