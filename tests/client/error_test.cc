#include "client/cpp/error.h"

#include "gtest/gtest.h"
#include "tests/client/fake_log.h"

namespace kappa::client {
namespace {

using ::kappa::tests::MakeGrpcError;
using ::kappa::tests::MakeWireError;

TEST(ErrorTest, KeepsCodeMessageReasonAndMetadata) {
  const absl::Status status = StatusFromGrpc(
      MakeGrpcError(grpc::OUT_OF_RANGE, v1::ERROR_REASON_OFFSET_OUT_OF_RANGE,
                    "offset 9 lies beyond the end 7", {{"end_offset", "7"}}));
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(status.message(), "offset 9 lies beyond the end 7");
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(ReasonNameOf(status), "OFFSET_OUT_OF_RANGE");
  EXPECT_EQ(MetadataOf(status, "end_offset"), "7");
  EXPECT_EQ(NumberOf(status, "end_offset"), 7u);
  EXPECT_EQ(MetadataOf(status, "leader"), std::nullopt);
}

TEST(ErrorTest, ReadsAnErrorInsideOfAMessage) {
  const absl::Status status = StatusFromWire(
      MakeWireError(grpc::UNAVAILABLE, v1::ERROR_REASON_NOT_LEADER, "no",
                    {{"leader", "a:1"}}));
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_NOT_LEADER);
  EXPECT_EQ(MetadataOf(status, "leader"), "a:1");
}

TEST(ErrorTest, ToleratesWhatItDoesNotKnow) {
  v1::Status wire = MakeWireError(grpc::ABORTED, v1::ERROR_REASON_NOT_LEADER,
                                  "from a newer server");
  v1::ErrorInfo info;
  info.set_reason("NEWER_THAN_US");
  info.set_domain("kappa");
  wire.mutable_details(0)->set_value(info.SerializeAsString());
  const absl::Status status = StatusFromWire(wire);
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(ReasonNameOf(status), "NEWER_THAN_US");
  EXPECT_EQ(ReasonOf(StatusFromGrpc(
                grpc::Status(grpc::ABORTED, "x", "not a status"))),
            v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(NumberOf(MakeError(absl::StatusCode::kAborted,
                               v1::ERROR_REASON_NOT_LEADER, "x", true),
                     "outcome"),
            std::nullopt);
}

TEST(ErrorTest, AnErrorOfOkIsStillAnError) {
  v1::Status wire;
  EXPECT_FALSE(StatusFromWire(wire).ok());
}

TEST(ErrorTest, DefiniteAsTheServerSays) {
  EXPECT_TRUE(IsDefinite(StatusFromWire(
      MakeWireError(grpc::UNAVAILABLE, v1::ERROR_REASON_NOT_LEADER, "x"))));
  EXPECT_FALSE(IsDefinite(StatusFromWire(MakeWireError(
      grpc::UNAVAILABLE, v1::ERROR_REASON_OUTCOME_UNKNOWN, "x"))));
  EXPECT_FALSE(IsDefinite(StatusFromWire(
      MakeWireError(grpc::UNAVAILABLE, v1::ERROR_REASON_NOT_LEADER, "x",
                    {{"outcome", "indefinite"}}))));
  EXPECT_TRUE(IsDefinite(
      StatusFromWire(MakeWireError(grpc::INTERNAL, v1::ERROR_REASON_INTERNAL,
                                   "x", {{"outcome", "definite"}}))));
}

TEST(ErrorTest, ABrokenConnectionIsIndefiniteAndRetriable) {
  const absl::Status broken =
      StatusFromGrpc(grpc::Status(grpc::UNAVAILABLE, "Socket closed"));
  EXPECT_FALSE(IsDefinite(broken));
  EXPECT_TRUE(IsRetriable(broken));
  EXPECT_TRUE(IsRetriable(
      StatusFromGrpc(grpc::Status(grpc::UNKNOWN, "Stream removed"))));
  EXPECT_FALSE(IsRetriable(StatusFromGrpc(grpc::Status(grpc::UNKNOWN, "?"))));
}

TEST(ErrorTest, RefusalsAreNotRetriable) {
  EXPECT_FALSE(IsRetriable(StatusFromWire(MakeWireError(
      grpc::INVALID_ARGUMENT, v1::ERROR_REASON_LIMIT_EXCEEDED, "x"))));
  EXPECT_FALSE(IsRetriable(StatusFromWire(MakeWireError(
      grpc::FAILED_PRECONDITION, v1::ERROR_REASON_PRODUCER_FENCED, "x"))));
}

TEST(ErrorTest, TellsHowLongToWait) {
  EXPECT_EQ(RetryAfter(StatusFromWire(MakeWireError(
                grpc::RESOURCE_EXHAUSTED, v1::ERROR_REASON_OVERLOADED, "x",
                {{"retry_after_ms", "250"}}))),
            absl::Milliseconds(250));
  EXPECT_EQ(RetryAfter(absl::UnavailableError("x")), absl::ZeroDuration());
}

}  // namespace
}  // namespace kappa::client
