#include "server/rpc/run_method.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "proto/wire/clock.h"
#include "server/errors.h"
#include "server/rpc/forward_target.h"
#include "server/rpc/grpc_server.h"
#include "tests/server/rpc/fake_node.h"
#include "tests/server/rpc/fake_peer_network.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace kappa::server {
namespace {

// Two nodes, 1 and 2, that can call each other; clients talk to node 1.
class RunMethodTest : public testing::Test {
 protected:
  struct Member {
    Member(ForwardTarget* other, const Clock* clock)
        : network([other](const FakePeerNetwork::Call& call, auto done) {
            other->Run(call.request, std::move(done));
          }) {
      auto started = GrpcServer::Start({.listen = {"127.0.0.1", 0},
                                        .peers = &network,
                                        .forward_target = &target},
                                       &node, clock);
      EXPECT_TRUE(started.ok()) << started.status();
      server = *std::move(started);
    }

    FakeNode node;
    FakePeerNetwork network;
    ForwardTarget target;
    std::unique_ptr<GrpcServer> server;
  };

  RunMethodTest() {
    // Each needs the other's target.
    two_ = std::make_unique<Member>(&nowhere_, &clock_);
    one_ = std::make_unique<Member>(&two_->target, &clock_);
    channel_ = grpc::CreateChannel(one_->server->address().ToString(),
                                   grpc::InsecureChannelCredentials());
    log_ = v1::LogService::NewStub(channel_);
    topics_ = v1::TopicService::NewStub(channel_);
  }
  ~RunMethodTest() override {
    one_.reset();
    two_.reset();
  }

  grpc::Status Append(v1::AppendResponse* response = nullptr) {
    v1::AppendRequest request;
    request.set_topic("orders");
    request.mutable_batch()->mutable_records()->add_records()->set_value("v");
    Call call;
    v1::AppendResponse unused;
    return log_->Append(&call.context, request,
                        response == nullptr ? &unused : response);
  }
  grpc::Status GetOffsets() {
    v1::GetOffsetsRequest request;
    request.set_topic("orders");
    Call call;
    v1::GetOffsetsResponse response;
    return log_->GetOffsets(&call.context, request, &response);
  }

  SystemClock clock_;
  ForwardTarget nowhere_;
  std::unique_ptr<Member> one_;
  std::unique_ptr<Member> two_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::LogService::Stub> log_;
  std::unique_ptr<v1::TopicService::Stub> topics_;
};

TEST_F(RunMethodTest, WhatThisNodeLeadsStaysHere) {
  v1::AppendResponse response;
  EXPECT_TRUE(Append(&response).ok());
  EXPECT_EQ(response.base_offset(), 7u);
  EXPECT_EQ(one_->network.calls().size(), 0u);
  EXPECT_EQ(two_->node.requests(), 0);
}

TEST_F(RunMethodTest, EveryMethodGoesOnToTheLeader) {
  one_->node.FollowNode(2);
  const std::string log = "/kappa.v1.LogService/";
  const std::string topic = "/kappa.v1.TopicService/";
  v1::AppendRequest append;
  append.set_topic("orders");
  append.mutable_batch()->mutable_records()->add_records()->set_value("v");
  v1::ReadRequest names_topic;
  names_topic.set_topic("orders");
  const std::vector<std::pair<std::string, std::string>> calls = {
      {log + "Append", append.SerializeAsString()},
      {log + "Read", names_topic.SerializeAsString()},
      {log + "GetOffsets", names_topic.SerializeAsString()},
      {log + "OpenProducer", ""},
      {log + "GetProducer", ""},
      {topic + "CreateTopic", ""},
      {topic + "UpdateTopic", ""},
      {topic + "DeleteTopic", ""},
      {topic + "AddPartitions", ""}};
  grpc::GenericStub stub(channel_);
  for (const auto& [method, request] : calls) {
    const size_t before = one_->network.calls().size();
    const int ran_before = two_->node.requests();
    Call call;
    const grpc::Slice slice(request);
    const grpc::ByteBuffer bytes(&slice, 1);
    grpc::ByteBuffer answer;
    grpc::CompletionQueue queue;
    grpc::Status status;
    auto reader = stub.PrepareUnaryCall(&call.context, method, bytes, &queue);
    reader->StartCall();
    reader->Finish(&answer, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
    queue.Shutdown();
    EXPECT_FALSE(queue.Next(&tag, &ok));
    EXPECT_TRUE(status.ok()) << method << ": " << status.error_message();
    const std::vector<FakePeerNetwork::Call> passed = one_->network.calls();
    ASSERT_EQ(passed.size(), before + 1) << method;
    EXPECT_EQ(passed.back().request.method(), method);
    EXPECT_EQ(passed.back().request.request(), request) << method;
    EXPECT_EQ(passed.back().node, NodeId(2));
    EXPECT_GT(two_->node.requests(), ran_before) << method;
  }
}

TEST_F(RunMethodTest, TheLeadersAnswerAndErrorAreTheClients) {
  one_->node.FollowNode(2);
  v1::AppendResponse response;
  ASSERT_TRUE(Append(&response).ok());
  EXPECT_EQ(response.base_offset(), 7u);
  EXPECT_EQ(response.next_offset(), 8u);
  two_->node.SetRefusal(MakeError(v1::ERROR_REASON_SEQUENCE_GAP, "a gap",
                                  {{"last_sequence", "4"}}));
  const grpc::Status status = Append();
  EXPECT_EQ(ReasonOf(status), "SEQUENCE_GAP");
  EXPECT_EQ(status.error_message(), "a gap");
  EXPECT_EQ(FactOf(status, "last_sequence"), "4");
}

TEST_F(RunMethodTest, NothingIsPassedOnTwice) {
  one_->node.FollowNode(2);
  two_->node.FollowNode(3);
  const grpc::Status status = Append();
  EXPECT_EQ(ReasonOf(status), "NOT_LEADER");
  EXPECT_EQ(FactOf(status, "leader_node"), "3");
  EXPECT_EQ(one_->network.calls().size(), 1u);
  EXPECT_EQ(two_->network.calls().size(), 0u);
}

TEST_F(RunMethodTest, WithoutAKnownLeaderTheClientTriesAgain) {
  one_->node.FollowNode(0);
  const grpc::Status status = Append();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "NOT_LEADER");
  EXPECT_EQ(FactOf(status, "outcome"), "definite");
  EXPECT_EQ(one_->network.calls().size(), 0u);
}

TEST_F(RunMethodTest, OtherErrorsStayHere) {
  one_->node.SetRefusal(MakeError(v1::ERROR_REASON_OUTCOME_UNKNOWN, "unknown",
                                  {{"leader_node", "2"}}));
  EXPECT_EQ(ReasonOf(Append()), "OUTCOME_UNKNOWN");
  one_->node.SetRefusal(MakeError(v1::ERROR_REASON_SHUTTING_DOWN, "bye"));
  EXPECT_EQ(ReasonOf(Append()), "SHUTTING_DOWN");
  EXPECT_EQ(one_->network.calls().size(), 0u);
}

TEST_F(RunMethodTest, ACallGetsWhatIsLeftOfItsDeadline) {
  one_->node.FollowNode(2);
  v1::GetOffsetsRequest request;
  request.set_topic("orders");
  v1::GetOffsetsResponse response;
  grpc::ClientContext soon;
  soon.set_deadline(std::chrono::system_clock::now() +
                    std::chrono::seconds(15));
  ASSERT_TRUE(log_->GetOffsets(&soon, request, &response).ok());
  grpc::ClientContext never;
  ASSERT_TRUE(log_->GetOffsets(&never, request, &response).ok());
  ASSERT_EQ(one_->network.calls().size(), 2u);
  const int64_t left_us = one_->network.calls()[0].timeout_us;
  EXPECT_GT(left_us, 1'000'000);
  EXPECT_LE(left_us, 16'000'000);  // gRPC rounds it up
  EXPECT_EQ(one_->network.calls()[1].timeout_us, 30'000'000);
}

TEST_F(RunMethodTest, ANodeThatStopsRefusesDefinitely) {
  one_->node.FollowNode(2);
  two_->server->Stop();
  const grpc::Status status = Append();
  EXPECT_EQ(ReasonOf(status), "SHUTTING_DOWN");
  EXPECT_EQ(FactOf(status, "outcome"), "definite");
}

TEST_F(RunMethodTest, NoTopicIsDeniedBeforeTheNodeKnowsAllOfThem) {
  one_->node.HideTopic();
  EXPECT_TRUE(Append().ok());
  EXPECT_EQ(one_->node.syncs(), 1);
  one_->node.HideTopic();
  EXPECT_TRUE(GetOffsets().ok());
  one_->node.HideTopic(MakeError(v1::ERROR_REASON_NOT_LEADER, "no leader"));
  EXPECT_EQ(ReasonOf(Append()), "NOT_LEADER");
  EXPECT_EQ(one_->node.syncs(), 3);
  one_->node.HideTopic();
  v1::GetTopicRequest request;
  request.set_name("other");
  v1::GetTopicResponse response;
  Call call;
  EXPECT_EQ(ReasonOf(topics_->GetTopic(&call.context, request, &response)),
            "TOPIC_NOT_FOUND");
  EXPECT_EQ(one_->node.syncs(), 4);
}

TEST_F(RunMethodTest, StreamsDenyNoTopicBeforeEither) {
  one_->node.HideTopic();
  v1::AppendStreamRequest request;
  request.mutable_append()->set_topic("orders");
  request.mutable_append()
      ->mutable_batch()
      ->mutable_records()
      ->add_records()
      ->set_value("v");
  Call appends;
  auto stream = log_->AppendStream(&appends.context);
  v1::AppendStreamResponse answer;
  for (uint64_t i = 1; i <= 3; ++i) {
    request.set_correlation_id(i);
    ASSERT_TRUE(stream->Write(request));
  }
  for (uint64_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(stream->Read(&answer));
    EXPECT_EQ(answer.correlation_id(), i);
    EXPECT_TRUE(answer.has_ack()) << answer.error().message();
  }
  request.mutable_append()->set_topic("other");
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&answer));
  EXPECT_EQ(answer.error().code(), grpc::StatusCode::NOT_FOUND);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());

  one_->node.HideTopic();
  v1::ReplayRequest replay;
  replay.set_topic("orders");
  replay.mutable_options()->mutable_stop()->set_end(true);
  Call replays;
  auto reader = log_->Replay(&replays.context, replay);
  v1::ReplayResponse response;
  while (reader->Read(&response)) {
  }
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(RunMethodTest, AChangeOfATopicIsKnownHereWhenItIsAnswered) {
  one_->node.FollowNode(2);
  Call call;
  v1::CreateTopicResponse response;
  ASSERT_TRUE(topics_->CreateTopic(&call.context, {}, &response).ok());
  EXPECT_EQ(one_->node.syncs(), 1);
  EXPECT_EQ(two_->node.syncs(), 0);
}

TEST_F(RunMethodTest, ANodeAloneRefusesItself) {
  FakeNode node;
  node.FollowNode(2);
  auto server = GrpcServer::Start({.listen = {"127.0.0.1", 0}}, &node, &clock_);
  ASSERT_TRUE(server.ok());
  log_ = v1::LogService::NewStub(grpc::CreateChannel(
      (*server)->address().ToString(), grpc::InsecureChannelCredentials()));
  EXPECT_EQ(ReasonOf(Append()), "NOT_LEADER");
  EXPECT_EQ(ReasonOf(GetOffsets()), "NOT_LEADER");
}

}  // namespace
}  // namespace kappa::server
