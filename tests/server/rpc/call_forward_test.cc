#include "server/rpc/call_forward.h"

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "server/errors.h"
#include "server/rpc/byte_buffers.h"
#include "server/rpc/grpc_status.h"
#include "tests/server/rpc/fake_peer_network.h"

namespace kappa::server {
namespace {

using Effect = UnaryMethod::Effect;
using Result = absl::StatusOr<raft::v1::ForwardResponse>;

// What a client gets when the other node answers `result`.
absl::StatusOr<std::string> Outcome(const Result& result, Effect effect) {
  FakePeerNetwork network(
      [&](const FakePeerNetwork::Call&, auto done) { done(result); });
  absl::StatusOr<std::string> outcome = absl::InternalError("no answer");
  ForwardCall(&network, NodeId(2), UnaryMethod{"/a/B", effect, nullptr},
              ByteBufferOf(std::string("request")), 1'000'000,
              [&](absl::StatusOr<grpc::ByteBuffer> answer) {
                if (answer.ok()) {
                  outcome = BytesOf(*answer);
                } else {
                  outcome = answer.status();
                }
              });
  return outcome;
}

std::string ReasonAndOutcomeOf(const absl::Status& status) {
  const v1::ErrorInfo info = ErrorInfoOf(status);
  return info.reason() + " " + info.metadata().at("outcome");
}

TEST(CallForwardTest, FindsTheNodeThatARefusalNames) {
  const auto refusal = [](v1::ErrorReason reason, const std::string& node) {
    return MakeError(reason, "no", {{"leader_node", node}});
  };
  EXPECT_EQ(LeaderNamedBy(refusal(v1::ERROR_REASON_NOT_LEADER, "3")),
            NodeId(3));
  EXPECT_EQ(LeaderNamedBy(refusal(v1::ERROR_REASON_NOT_LEADER, "0")),
            std::nullopt);
  EXPECT_EQ(LeaderNamedBy(refusal(v1::ERROR_REASON_NOT_LEADER, "n3")),
            std::nullopt);
  EXPECT_EQ(LeaderNamedBy(refusal(v1::ERROR_REASON_OUTCOME_UNKNOWN, "3")),
            std::nullopt);
  EXPECT_EQ(LeaderNamedBy(MakeError(v1::ERROR_REASON_NOT_LEADER, "no")),
            std::nullopt);
  EXPECT_EQ(LeaderNamedBy(absl::UnavailableError("gone")), std::nullopt);
  EXPECT_EQ(LeaderNamedBy(absl::OkStatus()), std::nullopt);
}

TEST(CallForwardTest, SendsTheRequestAsItCame) {
  FakePeerNetwork network([](const FakePeerNetwork::Call&, auto done) {
    raft::v1::ForwardResponse response;
    response.set_response("answer");
    done(std::move(response));
  });
  const std::string request(100'000, 'r');
  std::string answer;
  ForwardCall(&network, NodeId(2),
              UnaryMethod{"/a/B", Effect::kChanges, nullptr},
              ByteBufferOf(request), 250'000,
              [&](absl::StatusOr<grpc::ByteBuffer> result) {
                answer = BytesOf(*result);
              });
  EXPECT_EQ(answer, "answer");
  ASSERT_EQ(network.calls().size(), 1u);
  const FakePeerNetwork::Call call = network.calls()[0];
  EXPECT_EQ(call.node, NodeId(2));
  EXPECT_EQ(call.request.method(), "/a/B");
  EXPECT_EQ(call.request.request(), request);
  EXPECT_EQ(call.timeout_us, 250'000);
}

TEST(CallForwardTest, AnErrorOfTheOtherNodeComesBackAsItIs) {
  const absl::Status error =
      MakeError(v1::ERROR_REASON_SEQUENCE_GAP, "gap", {{"last_sequence", "4"}});
  raft::v1::ForwardResponse response;
  *response.mutable_error() = ToStatusMessage(error);
  for (const Effect effect : {Effect::kReads, Effect::kChanges}) {
    const absl::Status outcome = Outcome(response, effect).status();
    EXPECT_EQ(outcome.code(), error.code());
    EXPECT_EQ(outcome.message(), error.message());
    EXPECT_EQ(ReasonAndOutcomeOf(outcome), "SEQUENCE_GAP definite");
    EXPECT_EQ(ErrorInfoOf(outcome).metadata().at("last_sequence"), "4");
  }
}

TEST(CallForwardTest, AReasonOfANewerVersionComesBackAsItIs) {
  raft::v1::ForwardResponse response;
  v1::ErrorInfo info;
  info.set_reason("NOT_KNOWN_YET");
  info.set_domain("kappa");
  response.mutable_error()->set_code(9);
  response.mutable_error()->set_message("later");
  auto* detail = response.mutable_error()->add_details();
  detail->set_type_url(std::string(kErrorInfoTypeUrl));
  detail->set_value(info.SerializeAsString());
  const auto outcome = Outcome(response, Effect::kReads);
  EXPECT_EQ(ToStatusMessage(outcome.status()).SerializeAsString(),
            response.error().SerializeAsString());
}

TEST(CallForwardTest, ALostAnswerIsUnknownForAChangeAndDefiniteForARead) {
  for (const absl::Status& lost :
       {absl::UnavailableError("connection reset"),
        absl::DeadlineExceededError("too late"),
        // Calls that run end so when gRPC's memory is short.
        absl::ResourceExhaustedError("buffers full"),
        absl::CancelledError("stopped"), absl::InternalError("what?"),
        absl::UnknownError("stream removed")}) {
    const absl::Status changed = Outcome(lost, Effect::kChanges).status();
    EXPECT_EQ(ReasonAndOutcomeOf(changed), "OUTCOME_UNKNOWN indefinite")
        << lost;
    EXPECT_EQ(changed.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(
        ReasonAndOutcomeOf(Outcome(lost, Effect::kChangesTopics).status()),
        "OUTCOME_UNKNOWN indefinite");
    const absl::Status read = Outcome(lost, Effect::kReads).status();
    EXPECT_EQ(ReasonAndOutcomeOf(read), "NOT_LEADER definite") << lost;
    EXPECT_EQ(read.code(), absl::StatusCode::kUnavailable);
  }
}

TEST(CallForwardTest, AnAnswerWithoutAResultIsLost) {
  const raft::v1::ForwardResponse nothing;
  EXPECT_EQ(ReasonAndOutcomeOf(Outcome(nothing, Effect::kChanges).status()),
            "OUTCOME_UNKNOWN indefinite");
  raft::v1::ForwardResponse ok_as_error;
  ok_as_error.mutable_error();
  EXPECT_EQ(ReasonAndOutcomeOf(Outcome(ok_as_error, Effect::kChanges).status()),
            "OUTCOME_UNKNOWN indefinite");
}

TEST(CallForwardTest, ARefusedHeaderOrMethodIsDefinite) {
  for (const absl::Status& refused :
       {absl::FailedPreconditionError("another cluster"),
        absl::InvalidArgumentError("unknown method"),
        absl::UnimplementedError("no Forward")}) {
    const absl::Status status = Outcome(refused, Effect::kChanges).status();
    EXPECT_EQ(ReasonAndOutcomeOf(status), "NOT_LEADER definite") << refused;
    EXPECT_EQ(ErrorInfoOf(status).metadata().at("leader_node"), "2");
    EXPECT_EQ(ErrorInfoOf(status).metadata().count("leader"), 0u);
  }
}

}  // namespace
}  // namespace kappa::server
