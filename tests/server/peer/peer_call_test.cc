// Unary calls between nodes.
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "kappa/raft/v1/peer_service.grpc.pb.h"
#include "proto/wire/mutex.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"
#include "server/peer/call_status.h"
#include "server/peer/peer_limits.h"
#include "server/peer/peer_transport.h"
#include "tests/server/peer/peer_fixture.h"
#include "tests/server/peer/peer_samples.h"

namespace kappa::server {
namespace {

constexpr int64_t kPatienceUs = 20'000'000;

// What became of a call.
template <typename T>
class Answer {
 public:
  PeerNetwork::Callback<T> callback() {
    return [state = state_](absl::StatusOr<T> answer) {
      MutexLock lock(&state->mutex);
      EXPECT_FALSE(state->answer.has_value()) << "answered twice";
      state->answer = std::move(answer);
    };
  }
  bool is_there() const {
    MutexLock lock(&state_->mutex);
    return state_->answer.has_value();
  }
  absl::StatusOr<T> Get() const {
    if (!Eventually([this] { return is_there(); })) {
      return absl::InternalError("no answer within 20 s");
    }
    MutexLock lock(&state_->mutex);
    return *state_->answer;
  }
  std::string Error() const { return Get().status().ToString(); }

 private:
  struct State {
    mutable Mutex mutex;
    std::optional<absl::StatusOr<T>> answer ABSL_GUARDED_BY(mutex);
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};
using ForwardAnswer = Answer<raft::v1::ForwardResponse>;

// Calls that a node got, until they are answered.
class Pending {
 public:
  using Done = PeerCallbacks::Done<raft::v1::ForwardResponse>;
  void Add(Done done) {
    MutexLock lock(&mutex_);
    calls_.push_back(std::move(done));
  }
  size_t count() const {
    MutexLock lock(&mutex_);
    return calls_.size();
  }
  void AnswerAll() {
    std::vector<Done> calls;
    {
      MutexLock lock(&mutex_);
      calls.swap(calls_);
    }
    for (Done& done : calls) done(raft::v1::ForwardResponse());
  }

 private:
  mutable Mutex mutex_;
  std::vector<Done> calls_ ABSL_GUARDED_BY(mutex_);
};

class PeerCallTest : public PeerFixture {
 protected:
  // Node 2, which keeps what is forwarded to it; `change` changes its options.
  void StartTwo(std::function<void(PeerTransportOptions*)> change = {}) {
    PeerTransportOptions options = OptionsOf(2, &unused_);
    options.callbacks.forward = [this](raft::v1::ForwardRequest, auto done) {
      pending_.Add(std::move(done));
    };
    if (change) change(&options);
    two_ = Start(std::move(options));
  }
  // Node 1, to which node 2 is known under the id `node`.
  void StartOne(std::function<void(PeerTransportOptions*)> change = {},
                uint64_t node = 2) {
    PeerTransportOptions options = OptionsOf(1, &unused_);
    if (change) change(&options);
    one_ = Start(std::move(options));
    one_->SetPeer(NodeId(node), two_->address().ToString());
  }
  ForwardAnswer Forward(std::string request = "request", uint64_t node = 2,
                        int64_t timeout_us = kPatienceUs) {
    raft::v1::ForwardRequest forward;
    forward.set_method("/kappa.v1.LogService/Append");
    forward.set_request(std::move(request));
    ForwardAnswer answer;
    one_->Forward(NodeId(node), std::move(forward), timeout_us,
                  answer.callback());
    return answer;
  }

  Heard unused_;
  Pending pending_;
  std::unique_ptr<PeerTransport> two_;
  std::unique_ptr<PeerTransport> one_;
};

TEST_F(PeerCallTest, ForwardsARequestAsItIs) {
  StartTwo([](auto* options) {
    options->callbacks.forward = [](raft::v1::ForwardRequest request,
                                    auto done) {
      EXPECT_EQ(request.header().protocol_version(), kPeerProtocolVersion);
      EXPECT_EQ(request.header().cluster_id(), "cluster of tests");
      EXPECT_EQ(request.header().from_node(), 1u);
      EXPECT_EQ(request.header().to_node(), 2u);
      EXPECT_EQ(request.method(), "/kappa.v1.LogService/Append");
      raft::v1::ForwardResponse response;
      response.set_response("answer to " + request.request());
      done(std::move(response));
    };
  });
  StartOne();
  const auto answer = Forward("the request").Get();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->response(), "answer to the request");
}

TEST_F(PeerCallTest, AsksTheLeaderOfAPartition) {
  StartTwo([](auto* options) {
    options->callbacks.ask_partition = [](raft::v1::PartitionRequest request,
                                          auto done) {
      raft::v1::PartitionResponse response;
      response.set_end_offset(request.group_id() + request.partition());
      done(std::move(response));
    };
  });
  StartOne();
  raft::v1::PartitionRequest ask;
  ask.set_group_id(40);
  ask.set_partition(2);
  ask.set_end(true);
  Answer<raft::v1::PartitionResponse> answer;
  one_->AskPartition(NodeId(2), std::move(ask), kPatienceUs, answer.callback());
  const auto got = answer.Get();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->end_offset(), 42u);
}

TEST_F(PeerCallTest, CarriesTheLargestAppendAndNothingLarger) {
  StartTwo([](auto* options) {
    options->callbacks.forward = [](raft::v1::ForwardRequest request,
                                    auto done) {
      raft::v1::ForwardResponse response;
      response.set_response(std::to_string(request.request().size()));
      done(std::move(response));
    };
  });
  StartOne();
  const auto answer = Forward(std::string(kPeerForwardBytesMax, 'x')).Get();
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->response(), std::to_string(kPeerForwardBytesMax));
  EXPECT_EQ(Forward(std::string(kPeerForwardBytesMax + 1, 'x')).Error(),
            "INVALID_ARGUMENT: call: the request has 17825793 bytes, more than "
            "17825792");
}

TEST_F(PeerCallTest, RefusesWhoMeansSomebodyElse) {
  StartTwo();
  StartOne([](auto* options) { options->self.protocol_version = 7; });
  EXPECT_EQ(Forward().Error(),
            "FAILED_PRECONDITION: forward: node 1 speaks protocol version 7, "
            "node 2 speaks version 1");
  StartOne(
      [](auto* options) { options->self.cluster_id = "cluster of other"; });
  EXPECT_EQ(Forward().Error(),
            "FAILED_PRECONDITION: forward: node 1 belongs to cluster "
            "636c7573746572206f66206f74686572, node 2 to cluster "
            "636c7573746572206f66207465737473");
  StartOne({}, /*node=*/3);
  EXPECT_EQ(Forward("request", 3).Error(),
            "FAILED_PRECONDITION: forward: node 1 expects node 3, and this is "
            "node 2");
  StartOne([](auto* options) { options->self.node = NodeId(2); }, /*node=*/3);
  EXPECT_EQ(Forward("request", 3).Error(),
            "FAILED_PRECONDITION: forward: node id 2 is both ends'");
  EXPECT_EQ(pending_.count(), 0u);
}

TEST_F(PeerCallTest, FailsAtOnceWhereNobodyIs) {
  StartTwo();
  StartOne();
  two_->Stop();
  EXPECT_EQ(Forward().Get().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Forward("request", 9).Error(),
            "UNAVAILABLE: where node 9 is, is not known");
}

TEST_F(PeerCallTest, FindsANodeThatRestartsOrMoves) {
  StartTwo();
  StartOne();
  for (const bool moves : {false, true}) {
    const ListenAddress address = two_->address();
    two_->Stop();
    EXPECT_EQ(Forward().Get().status().code(), absl::StatusCode::kUnavailable);
    StartTwo([&](auto* options) {
      if (!moves) options->listen = address;
      options->callbacks.forward = [](raft::v1::ForwardRequest, auto done) {
        done(raft::v1::ForwardResponse());
      };
    });
    one_->SetPeer(NodeId(2), two_->address().ToString());
    EXPECT_TRUE(Eventually([&] { return Forward().Get().ok(); }));
  }
}

TEST_F(PeerCallTest, GivesUpAtTheDeadline) {
  StartTwo();
  StartOne();
  EXPECT_EQ(Forward("request", 2, 50'000).Get().status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST_F(PeerCallTest, BoundsWhatIsUnderWayAtBothEnds) {
  const auto small = [](PeerTransportOptions* options) {
    options->call_bytes = size_t{1} << 20;
  };
  for (const bool caller : {true, false}) {
    caller ? StartTwo() : StartTwo(small);
    caller ? StartOne(small) : StartOne();
    ForwardAnswer first = Forward(std::string(900 << 10, 'x'));
    ASSERT_TRUE(Eventually([&] { return pending_.count() == 1; }));
    const auto second = Forward(std::string(900 << 10, 'x')).Get();
    EXPECT_EQ(second.status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(ErrorInfoOf(second.status()).reason(), "OVERLOADED");
    EXPECT_FALSE(first.is_there());
    pending_.AnswerAll();
    EXPECT_TRUE(first.Get().ok());
    ForwardAnswer third;
    EXPECT_TRUE(Eventually([&] {
      third = Forward(std::string(900 << 10, 'x'));
      return Eventually(
                 [&] { return third.is_there() || pending_.count() == 1; }) &&
             !third.is_there();
    })) << "there is room again";
    pending_.AnswerAll();
    EXPECT_TRUE(third.Get().ok());
    two_->Stop();
  }
}

TEST_F(PeerCallTest, StopOfTheCallerAnswersWhatIsUnderWay) {
  StartTwo();
  StartOne();
  std::vector<ForwardAnswer> answers;
  for (int i = 0; i < 20; ++i) answers.push_back(Forward());
  ASSERT_TRUE(Eventually([&] { return pending_.count() == 20; }));
  one_->Stop();
  for (ForwardAnswer& answer : answers) {
    ASSERT_TRUE(answer.is_there());
    EXPECT_EQ(answer.Get().status().code(), absl::StatusCode::kUnavailable);
  }
  EXPECT_EQ(Forward().Error(), "UNAVAILABLE: node 1 is stopping");
  pending_.AnswerAll();
}

TEST_F(PeerCallTest, StopOfTheCalledOneWaitsForNoAnswer) {
  StartTwo();
  StartOne();
  ForwardAnswer answer = Forward();
  ASSERT_TRUE(Eventually([&] { return pending_.count() == 1; }));
  two_->Stop();
  EXPECT_EQ(answer.Get().status().code(), absl::StatusCode::kUnavailable);
  pending_.AnswerAll();  // which goes nowhere
  two_.reset();
}

// Calls of whoever knows the address.
class PeerProbeTest : public PeerCallTest {
 protected:
  std::unique_ptr<raft::v1::PeerService::Stub> StubOfTwo() {
    return raft::v1::PeerService::NewStub(grpc::CreateChannel(
        two_->address().ToString(), grpc::InsecureChannelCredentials()));
  }
  void SetDeadline(grpc::ClientContext* context) {
    context->set_deadline(std::chrono::system_clock::now() +
                          std::chrono::seconds(20));
  }
  absl::Status Join(uint32_t version) {
    grpc::ClientContext context;
    SetDeadline(&context);
    raft::v1::JoinRequest request;
    request.set_protocol_version(version);
    request.mutable_self()->set_node_id(5);
    raft::v1::JoinResponse response;
    return FromCallStatus(StubOfTwo()->Join(&context, request, &response));
  }
  absl::Status Probe(const std::string& waits_for) {
    grpc::ClientContext context;
    SetDeadline(&context);
    raft::v1::ProbeRequest request;
    request.set_protocol_version(99);
    request.set_waits_for(waits_for);
    raft::v1::ProbeResponse response;
    return FromCallStatus(StubOfTwo()->Probe(&context, request, &response));
  }
};

TEST_F(PeerProbeTest, AnswersAProbeWhoeverAsks) {
  StartTwo([](auto* options) {
    options->callbacks.probe = [](raft::v1::ProbeRequest request, auto done) {
      EXPECT_EQ(request.protocol_version(), 99u);
      done(raft::v1::ProbeResponse());
    };
  });
  EXPECT_TRUE(Probe("nothing").ok());
  EXPECT_EQ(Probe(std::string(70'000, 'x')).ToString(),
            "INVALID_ARGUMENT: call: the request has 70006 bytes besides what "
            "it passes on, more than 65536");
}

TEST_F(PeerProbeTest, WhatTheOwnerDoesNotServe) {
  StartTwo();
  EXPECT_EQ(Probe("nothing").ToString(),
            "UNIMPLEMENTED: call: this node does not serve it");
}

TEST_F(PeerProbeTest, ErrorsKeepTheirFacts) {
  StartTwo([](auto* options) {
    options->callbacks.join = [](raft::v1::JoinRequest, auto done) {
      done(MakeError(v1::ERROR_REASON_NOT_LEADER, "another node leads",
                     {{"leader_node", "1"}, {"leader_peer", "127.0.0.1:9"}}));
    };
  });
  const absl::Status refused = Join(kPeerProtocolVersion);
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  const v1::ErrorInfo info = ErrorInfoOf(refused);
  EXPECT_EQ(info.reason(), "NOT_LEADER");
  EXPECT_EQ(info.metadata().at("leader_peer"), "127.0.0.1:9");
  EXPECT_EQ(ToStd(Join(7).message()),
            "join: node 5 speaks protocol version 7, node 2 speaks version 1");
}

}  // namespace
}  // namespace kappa::server
