// What a node refuses to talk to, and how it says so.
#include <memory>
#include <string>
#include <utility>

#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "gtest/gtest.h"
#include "kappa/raft/v1/peer_service.pb.h"
#include "server/peer/hello.h"
#include "server/peer/peer_transport.h"
#include "tests/server/peer/peer_fixture.h"
#include "tests/server/peer/peer_samples.h"
#include "tests/server/peer/raw_caller.h"

namespace kappa::server {
namespace {

class PeerRefusalTest : public PeerFixture {
 protected:
  PeerRefusalTest() : two_(Start(2, &heard_)) {}

  std::string two_address() const { return two_->address().ToString(); }

  // What node 1, changed, learns when it calls two, believing it to be `node`.
  template <typename Change>
  std::string ErrorOf(Change change, uint64_t node = 2) {
    PeerTransportOptions options = OptionsOf(1, &unused_);
    change(&options);
    auto one = Start(std::move(options));
    one->SetPeer(NodeId(node), two_address());
    return WaitForError(*one, node);
  }

  // A hello of node 1 to node 2.
  std::string HelloBytes() {
    raft::v1::ConnectRequest request;
    *request.mutable_hello() = MakeHello(OptionsOf(1, &unused_).self, NodeId(2),
                                         PeerClass::kControl, {}, false);
    return request.SerializeAsString();
  }
  // How two ends a stream of node 1 that says `bytes` after the hello.
  grpc::Status EndAfter(const std::string& bytes) {
    RawCaller caller(two_address());
    std::string answer;
    EXPECT_TRUE(caller.Send(HelloBytes()) && caller.Receive(&answer));
    caller.Send(bytes);
    return caller.Finish();
  }
  grpc::Status EndAfterFirst(const std::string& bytes) {
    RawCaller caller(two_address());
    caller.Send(bytes);
    return caller.Finish();
  }

  Heard heard_;
  Heard unused_;
  std::unique_ptr<PeerTransport> two_;
};

TEST_F(PeerRefusalTest, AnotherCluster) {
  EXPECT_EQ(ErrorOf([](auto* options) {
              options->self.cluster_id = "cluster of other";
            }),
            "FAILED_PRECONDITION: hello: node 1 belongs to cluster "
            "636c7573746572206f66206f74686572, node 2 to cluster "
            "636c7573746572206f66207465737473");
}

TEST_F(PeerRefusalTest, AnotherProtocolVersion) {
  EXPECT_EQ(
      ErrorOf([](auto* options) { options->self.protocol_version = 7; }),
      "FAILED_PRECONDITION: hello: node 1 speaks protocol version 7, node 2 "
      "speaks version 1");
}

TEST_F(PeerRefusalTest, ItsOwnNodeId) {
  EXPECT_EQ(ErrorOf(
                [](auto* options) {
                  options->self.node = NodeId(2);
                  options->self.disk_id.fill(0xdd);
                },
                /*node=*/3),
            "FAILED_PRECONDITION: hello: node id 2 is both ends': on disk "
            "dddddddddddddddddddddddddddddddd and on disk "
            "02020202020202020202020202020202");
}

TEST_F(PeerRefusalTest, ToBeTakenForAnotherNode) {
  EXPECT_EQ(ErrorOf([](auto*) {}, /*node=*/3),
            "FAILED_PRECONDITION: hello: node 1 expects node 3, and this is "
            "node 2");
}

TEST_F(PeerRefusalTest, ASecondDiskUnderOneNodeId) {
  auto one = Start(1, &unused_);
  one->SetPeer(NodeId(2), two_address());
  ASSERT_TRUE(WaitConnected(*one, 2));
  EXPECT_EQ(ErrorOf([](auto* options) { options->self.disk_id.fill(0xee); }),
            "ALREADY_EXISTS: hello: node 1 is connected from disk "
            "01010101010101010101010101010101, and now calls from disk "
            "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
  EXPECT_EQ(LinkOf(*one, 2, PeerClass::kControl).state, LinkState::kConnected);
}

TEST_F(PeerRefusalTest, WhatTheOwnerOfEitherEndRefuses) {
  EXPECT_EQ(ErrorOf([](auto* options) {
              options->callbacks.judge = [](const raft::v1::Hello& hello) {
                EXPECT_TRUE(hello.greeting().answer());
                return absl::DataLossError("the caller's owner says no");
              };
            }),
            "DATA_LOSS: the caller's owner says no");
  PeerTransportOptions options = OptionsOf(3, &heard_);
  options.callbacks.judge = [](const raft::v1::Hello& hello) {
    EXPECT_FALSE(hello.greeting().answer());
    EXPECT_EQ(hello.greeting().evidence(0).cycle(), 77u);
    return absl::DataLossError("the called one's owner says no");
  };
  two_ = Start(std::move(options));
  EXPECT_EQ(ErrorOf(
                [](auto* caller) {
                  caller->callbacks.evidence_about = [](NodeId node) {
                    EXPECT_EQ(node, NodeId(3));
                    raft::v1::Greeting greeting;
                    greeting.add_evidence()->set_cycle(77);
                    return greeting;
                  };
                },
                /*node=*/3),
            "DATA_LOSS: the called one's owner says no");
}

TEST_F(PeerRefusalTest, WhatIsNoHello) {
  for (const std::string& bytes :
       {std::string(), std::string("\xff\xff\xff"), std::string(70'000, 'x')}) {
    const grpc::Status end = EndAfterFirst(bytes);
    EXPECT_EQ(end.error_code(), grpc::INVALID_ARGUMENT);
    EXPECT_EQ(end.error_message(), "hello: the first message, of " +
                                       std::to_string(bytes.size()) +
                                       " bytes, is none");
  }
}

TEST_F(PeerRefusalTest, WhoSaysNoHello) {
  PeerTransportOptions options = OptionsOf(3, &heard_);
  options.hello_timeout_us = 10'000;
  two_ = Start(std::move(options));
  RawCaller caller(two_address());
  const grpc::Status end = caller.Finish();
  EXPECT_EQ(end.error_code(), grpc::DEADLINE_EXCEEDED);
  EXPECT_EQ(end.error_message(), "hello: it did not come in time");
  // Who did say one stays.
  auto one = Start(1, &unused_);
  one->SetPeer(NodeId(3), two_address());
  ASSERT_TRUE(WaitConnected(*one, 3));
  RawCaller(two_address()).Finish();
  EXPECT_EQ(LinkOf(*one, 3, PeerClass::kControl).connections, 1u);
  EXPECT_EQ(LinkOf(*one, 3, PeerClass::kControl).state, LinkState::kConnected);
}

// Whatever other servers of the process switch on for all.
TEST_F(PeerRefusalTest, WhoAsksForHealthOrReflection) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  two_ = Start(2, &heard_);
  for (const char* method :
       {"/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"}) {
    RawCaller caller(two_address(), method);
    caller.Send("");
    EXPECT_EQ(caller.Finish().error_code(), grpc::UNIMPLEMENTED) << method;
  }
  grpc::EnableDefaultHealthCheckService(false);
}

TEST_F(PeerRefusalTest, MalformedFrames) {
  const grpc::Status noise = EndAfter("\xff\xff\xff\xff");
  EXPECT_EQ(noise.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(noise.error_message(),
            "read frame: a frame of 4 bytes is not well-formed");
  EXPECT_EQ(EndAfter(HelloBytes()).error_message(),
            "read frame: a second hello");
}

TEST_F(PeerRefusalTest, MessagesThatNoCoreMayBeGiven) {
  raft::v1::ConnectRequest request;
  ASSERT_TRUE(request.add_messages()->ParseFromString(
      EncodeWhole(Heartbeat(1, 2, 3, 4))));
  request.mutable_messages(0)->set_term(uint64_t{1} << 63);
  EXPECT_EQ(
      EndAfter(request.SerializeAsString()).error_message(),
      "decode raft message: term is 9223372036854775808: more than 2^63 - 1");
  ASSERT_TRUE(request.mutable_messages(0)->ParseFromString(
      EncodeWhole(Heartbeat(4, 2, 3, 4))));
  EXPECT_EQ(EndAfter(request.SerializeAsString()).error_message(),
            "read frame: a message from node 4 to node 2 on a stream from node "
            "1 to node 2");
  EXPECT_TRUE(heard_.messages().empty());
}

TEST_F(PeerRefusalTest, AFrameLargerThanAnyMessage) {
  EXPECT_EQ(EndAfter(std::string(20 << 20, 'x')).error_code(),
            grpc::RESOURCE_EXHAUSTED);
}

TEST_F(PeerRefusalTest, ServesOthersAfterwards) {
  EndAfter("\xff\xff\xff\xff");
  auto one = Start(1, &unused_);
  one->SetPeer(NodeId(2), two_address());
  one->Send(NodeId(2), Heartbeat(1, 2, 3, 4));
  EXPECT_TRUE(heard_.WaitForCount(1));
}

}  // namespace
}  // namespace kappa::server
