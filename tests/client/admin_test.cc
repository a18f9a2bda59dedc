#include "client/cpp/admin.h"

#include <atomic>
#include <memory>
#include <string>

#include "client/cpp/error.h"
#include "gtest/gtest.h"
#include "tests/client/fake_log.h"
#include "tests/client/fake_server.h"

namespace kappa::client {
namespace {

using ::kappa::tests::FakeLog;
using ::kappa::tests::FakeServer;
using ::kappa::tests::MakeGrpcError;

class AdminTest : public ::testing::Test {
 protected:
  AdminTest() : server_(&log_), admin_(Connect()) {}

  std::shared_ptr<Client> Connect() {
    ClientOptions options;
    options.seeds = server_.address();
    options.backoff_min = absl::Milliseconds(1);
    options.backoff_max = absl::Milliseconds(10);
    options.call_timeout = absl::Seconds(20);
    return *Client::Connect(options);
  }

  // The first `count` calls fail with `status`.
  void FailCalls(int count, grpc::Status status) {
    server_.SetCallHook([this, count, status](const std::string&) {
      return ++calls_ <= count ? status : grpc::Status::OK;
    });
  }

  FakeLog log_;
  FakeServer server_;
  std::atomic<int> calls_{0};
  Admin admin_;
};

TEST_F(AdminTest, ReturnsATopic) {
  log_.CreateTopic("orders", 4);
  absl::StatusOr<v1::Topic> topic = admin_.GetTopic("orders");
  ASSERT_TRUE(topic.ok()) << topic.status();
  EXPECT_EQ(topic->partitions(), 4u);
}

TEST_F(AdminTest, ARefusalIsTypedAndNotRepeated) {
  FailCalls(0, grpc::Status::OK);
  const absl::Status status = admin_.GetTopic("absent").status();
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_TOPIC_NOT_FOUND);
  EXPECT_EQ(MetadataOf(status, "topic"), "absent");
  EXPECT_EQ(calls_, 1);
}

TEST_F(AdminTest, RepeatsWhatMayBeRepeated) {
  log_.CreateTopic("t", 1);
  FailCalls(3, grpc::Status(grpc::UNAVAILABLE, "lost"));
  EXPECT_TRUE(admin_.GetTopic("t").ok());
  EXPECT_EQ(calls_, 4);
}

TEST_F(AdminTest, GivesUpAtTheCallTimeout) {
  ClientOptions options;
  options.seeds = server_.address();
  options.backoff_min = absl::Milliseconds(5);
  options.call_timeout = absl::Milliseconds(50);
  Admin impatient(*Client::Connect(options));
  FailCalls(1'000'000, grpc::Status(grpc::UNAVAILABLE, "lost"));
  EXPECT_EQ(impatient.GetTopic("t").status().code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(AdminTest, ADeletionInDoubtIsNotRepeated) {
  log_.CreateTopic("t", 1);
  v1::DeleteTopicRequest request;
  request.set_name("t");
  FailCalls(1, grpc::Status(grpc::UNAVAILABLE, "lost"));
  EXPECT_FALSE(IsDefinite(admin_.DeleteTopic(request).status()));
  EXPECT_EQ(calls_, 1);
  calls_ = 0;
  FailCalls(1, MakeGrpcError(grpc::UNAVAILABLE, v1::ERROR_REASON_SHUTTING_DOWN,
                             "not here"));
  EXPECT_TRUE(admin_.DeleteTopic(request).ok());
  EXPECT_EQ(calls_, 2);
}

TEST_F(AdminTest, ListsAllPages) {
  for (const char* name : {"a1", "a2", "a3", "a4", "a5", "b1"}) {
    log_.CreateTopic(name, 1);
  }
  absl::StatusOr<std::vector<v1::Topic>> topics = admin_.ListTopics("a");
  ASSERT_TRUE(topics.ok());
  ASSERT_EQ(topics->size(), 5u);
  EXPECT_EQ(topics->front().name(), "a1");
  EXPECT_EQ(topics->back().name(), "a5");
}

TEST_F(AdminTest, AsksForAllOffsetsAtOnce) {
  log_.CreateTopic("t", 40);
  v1::GetOffsetsRequest request;
  request.set_topic("t");
  absl::StatusOr<std::vector<v1::GetOffsetsResponse>> offsets =
      admin_.GetAllOffsets(request, 40);
  ASSERT_TRUE(offsets.ok()) << offsets.status();
  EXPECT_EQ(offsets->size(), 40u);
  EXPECT_EQ(ReasonOf(admin_.GetAllOffsets(request, 41).status()),
            v1::ERROR_REASON_TOPIC_NOT_FOUND);
}

}  // namespace
}  // namespace kappa::client
