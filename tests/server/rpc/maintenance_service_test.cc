#include "server/rpc/maintenance_service.h"

#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "kappa/v1/maintenance_service.grpc.pb.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace kappa::server {
namespace {

class MaintenanceServiceTest : public RpcFixture {
 protected:
  void SetUp() override {
    RpcFixture::SetUp();
    stub_ = v1::MaintenanceService::NewStub(channel_);
  }
  v1::ScrubStatus Status() {
    Call call;
    v1::GetScrubStatusResponse response;
    const grpc::Status status = stub_->GetScrubStatus(
        &call.context, v1::GetScrubStatusRequest(), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.status();
  }
  uint64_t Start() {
    Call call;
    v1::StartScrubResponse response;
    const grpc::Status status =
        stub_->StartScrub(&call.context, v1::StartScrubRequest(), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.pass();
  }
  // Asks until that pass is over.
  v1::ScrubStatus WaitForPass(uint64_t pass) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    v1::ScrubStatus status = Status();
    while (absl::Now() < deadline &&
           (status.running() || status.pass() < pass)) {
      status = Status();
    }
    EXPECT_GE(status.pass(), pass);
    EXPECT_FALSE(status.running());
    return status;
  }

  std::unique_ptr<v1::MaintenanceService::Stub> stub_;
};

TEST_F(MaintenanceServiceTest, ANodeThatDoesNotScrubSaysSo) {
  EXPECT_EQ(Status().pass(), 0u);
  EXPECT_EQ(Start(), 0u);
}

TEST_F(MaintenanceServiceTest, EverythingIsReadAgain) {
  CreateTopic("orders", 3);
  for (int i = 0; i < 10; ++i) Append("orders", 5);
  auto* const maintenance = dynamic_cast<Maintenance*>(node_.get());
  ASSERT_NE(maintenance, nullptr);
  maintenance->KeepScrubbing(ScrubSettings());
  const v1::ScrubStatus first = WaitForPass(1);
  EXPECT_GE(first.entries(), 10u);
  EXPECT_GT(first.payload_bytes(), 0u);
  EXPECT_EQ(first.damaged_entries(), 0u);
  EXPECT_GT(first.begin_time_us(), 0);
  EXPECT_GE(first.end_time_us(), first.begin_time_us());
  for (int i = 0; i < 10; ++i) Append("orders", 5);
  EXPECT_EQ(Start(), 2u);
  EXPECT_GE(WaitForPass(2).entries(), first.entries() + 10);
}

}  // namespace
}  // namespace kappa::server
