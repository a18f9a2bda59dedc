#include "server/rpc/topic_service.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace kappa::server {
namespace {

class TopicServiceTest : public RpcFixture {
 protected:
  grpc::Status List(const v1::ListTopicsRequest& request,
                    v1::ListTopicsResponse* response) {
    Call call;
    return topics_->ListTopics(&call.context, request, response);
  }
};

TEST_F(TopicServiceTest, ListsInPages) {
  for (const char* name : {"a1", "a2", "a3", "a4", "a5", "b1"}) {
    CreateTopic(name);
  }
  v1::ListTopicsRequest request;
  request.set_page_size(2);
  request.set_name_prefix("a");
  std::vector<std::string> names;
  int pages = 0;
  do {
    v1::ListTopicsResponse response;
    ASSERT_TRUE(List(request, &response).ok());
    for (const v1::Topic& topic : response.topics()) {
      names.push_back(topic.name());
    }
    request.set_page_token(response.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(names, (std::vector<std::string>{"a1", "a2", "a3", "a4", "a5"}));
  EXPECT_EQ(pages, 3);
}

TEST_F(TopicServiceTest, RefusesForeignTokensAndLargePages) {
  for (const char* name : {"a1", "a2", "a3"}) CreateTopic(name);
  v1::ListTopicsRequest request;
  request.set_page_size(1);
  v1::ListTopicsResponse response;
  ASSERT_TRUE(List(request, &response).ok());
  request.set_page_token(response.next_page_token());
  request.set_name_prefix("a");
  grpc::Status status = List(request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(status), "INVALID_PAGE_TOKEN");
  request.clear_page_token();
  request.set_page_size(1000);
  EXPECT_TRUE(List(request, &response).ok());
  request.set_page_size(1001);
  status = List(request, &response);
  EXPECT_EQ(ReasonOf(status), "LIMIT_EXCEEDED");
  EXPECT_EQ(FactOf(status, "max"), "1000");
}

TEST_F(TopicServiceTest, GetUpdateAddDelete) {
  const v1::Topic created = CreateTopic("orders");
  Call update_call;
  v1::UpdateTopicRequest update;
  update.set_name("orders");
  update.set_deletion_protection(false);
  v1::UpdateTopicResponse updated;
  ASSERT_TRUE(
      topics_->UpdateTopic(&update_call.context, update, &updated).ok());
  Call add_call;
  v1::AddPartitionsRequest add;
  add.set_name("orders");
  add.set_partitions(3);
  v1::AddPartitionsResponse added;
  ASSERT_TRUE(topics_->AddPartitions(&add_call.context, add, &added).ok());
  EXPECT_EQ(added.topic().partitions(), 3u);
  Call get_call;
  v1::GetTopicRequest get;
  get.set_name("orders");
  v1::GetTopicResponse found;
  ASSERT_TRUE(topics_->GetTopic(&get_call.context, get, &found).ok());
  EXPECT_EQ(found.topic().uuid(), created.uuid());
  EXPECT_EQ(found.topic().partitions(), 3u);
  EXPECT_FALSE(found.topic().deletion_protection());
  Call delete_call;
  v1::DeleteTopicRequest erase;
  erase.set_name("orders");
  v1::DeleteTopicResponse erased;
  ASSERT_TRUE(topics_->DeleteTopic(&delete_call.context, erase, &erased).ok());
  Call gone_call;
  EXPECT_EQ(ReasonOf(topics_->GetTopic(&gone_call.context, get, &found)),
            "TOPIC_NOT_FOUND");
}

TEST_F(TopicServiceTest, ASecondServerOnThePortIsRefused) {
  auto second =
      GrpcServer::Start({.listen = server_->address()}, node_.get(), &clock_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(second.status().message().find("another"), absl::string_view::npos);
}

}  // namespace
}  // namespace kappa::server
