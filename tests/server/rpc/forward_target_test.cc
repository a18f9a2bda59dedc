#include "server/rpc/forward_target.h"

#include <chrono>
#include <future>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

using Response = absl::StatusOr<raft::v1::ForwardResponse>;

class ForwardTargetTest : public testing::Test {
 protected:
  ForwardTargetTest() {
    methods_.Add("a.Service", "Echo", UnaryMethod::Effect::kReads,
                 [](const grpc::ByteBuffer& request, UnaryMethod::Done done) {
                   done(ByteBufferOf("echo " + BytesOf(request)));
                 });
    methods_.Add("a.Service", "Refuse", UnaryMethod::Effect::kReads,
                 [](const grpc::ByteBuffer&, UnaryMethod::Done done) {
                   done(MakeError(v1::ERROR_REASON_NOT_LEADER, "not here",
                                  {{"leader_node", "3"}}));
                 });
    methods_.Add("a.Service", "Wait", UnaryMethod::Effect::kReads,
                 [this](const grpc::ByteBuffer&, UnaryMethod::Done done) {
                   waiting_ = std::move(done);
                 });
  }

  Response Run(const std::string& method, const std::string& request = "") {
    raft::v1::ForwardRequest forward;
    forward.set_method(method);
    forward.set_request(request);
    Response response = absl::InternalError("no answer");
    target_.Run(std::move(forward),
                [&](Response r) { response = std::move(r); });
    return response;
  }

  static std::string ErrorOf(const Response& response) {
    if (!response.ok() || !response->has_error()) return "none";
    v1::ErrorInfo info;
    info.ParseFromString(response->error().details(0).value());
    return info.reason() + " " + info.metadata().at("outcome");
  }

  UnaryMethods methods_;
  ForwardTarget target_;
  UnaryMethod::Done waiting_;
};

TEST_F(ForwardTargetTest, RunsACallByItsName) {
  target_.Bind(&methods_);
  const Response response = Run("/a.Service/Echo", std::string(5000, 'x'));
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->response(), "echo " + std::string(5000, 'x'));
}

TEST_F(ForwardTargetTest, ARefusalIsInTheResponseAndGoesNowhere) {
  target_.Bind(&methods_);
  EXPECT_EQ(ErrorOf(Run("/a.Service/Refuse")), "NOT_LEADER definite");
}

TEST_F(ForwardTargetTest, AnUnknownMethodIsRefused) {
  target_.Bind(&methods_);
  for (const char* name : {"", "Echo", "/a.Service/Other", "a.Service/Echo"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Run(name).status())) << name;
  }
}

TEST_F(ForwardTargetTest, RefusesDefinitelyBeforeBindAndAfterUnbind) {
  EXPECT_EQ(ErrorOf(Run("/a.Service/Echo")), "NOT_LEADER definite");
  target_.Bind(&methods_);
  target_.Unbind();
  EXPECT_EQ(ErrorOf(Run("/a.Service/Echo")), "SHUTTING_DOWN definite");
}

TEST_F(ForwardTargetTest, UnbindWaitsForWhatRuns) {
  target_.Bind(&methods_);
  Response response = absl::InternalError("no answer");
  raft::v1::ForwardRequest forward;
  forward.set_method("/a.Service/Wait");
  target_.Run(std::move(forward), [&](Response r) { response = std::move(r); });
  std::future<void> unbound =
      std::async(std::launch::async, [this] { target_.Unbind(); });
  // It refuses new ones meanwhile.
  while (ErrorOf(Run("/a.Service/Echo")) == "none") {
  }
  EXPECT_EQ(unbound.wait_for(std::chrono::seconds(0)),
            std::future_status::timeout);
  waiting_(ByteBufferOf(std::string("late")));
  unbound.get();
  EXPECT_EQ(response->response(), "late");
}

}  // namespace
}  // namespace kappa::server
