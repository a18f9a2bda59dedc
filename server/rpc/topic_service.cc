#include "server/rpc/topic_service.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/errors.h"
#include "server/rpc/page_token.h"
#include "server/rpc/partition_lookup.h"
#include "server/rpc/unary_call.h"

namespace kappa::server {
namespace {

constexpr uint32_t kPageSizeDefault = 100;
constexpr uint32_t kPageSizeMax = 1000;
// A page ends early rather than pass what an unconfigured stub takes.
constexpr size_t kPageBytesMax = 3 << 20;

absl::StatusOr<v1::ListTopicsResponse> ListPage(
    const Node& node, const v1::ListTopicsRequest& request) {
  if (request.page_size() > kPageSizeMax) {
    return MakeError(v1::ERROR_REASON_LIMIT_EXCEEDED,
                     absl::StrCat("limit page_size ", kPageSizeMax, ": got ",
                                  request.page_size()),
                     {{"limit", "page_size"},
                      {"max", absl::StrCat(kPageSizeMax)},
                      {"value", absl::StrCat(request.page_size())}});
  }
  const size_t page_size =
      request.page_size() == 0 ? kPageSizeDefault : request.page_size();
  std::string after;
  if (!request.page_token().empty()) {
    absl::StatusOr<std::string> last =
        ParsePageToken(request.name_prefix(), request.page_token());
    if (!last.ok()) return last.status();
    after = *std::move(last);
  }
  // One more than the page tells whether there is a next one.
  const std::vector<std::shared_ptr<const TopicSnapshot>> topics =
      node.ListTopics(request.name_prefix(), after, page_size + 1);
  v1::ListTopicsResponse response;
  size_t bytes = 0;
  for (const auto& topic : topics) {
    bytes += topic->topic.ByteSizeLong();
    const auto taken = static_cast<size_t>(response.topics_size());
    if (taken == page_size || (taken > 0 && bytes > kPageBytesMax)) {
      response.set_next_page_token(MakePageToken(
          request.name_prefix(), response.topics().rbegin()->name()));
      break;
    }
    *response.add_topics() = topic->topic;
  }
  return response;
}

}  // namespace

grpc::ServerUnaryReactor* TopicService::CreateTopic(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::CreateTopicRequest, v1::CreateTopicResponse>(
      UnaryCall(context, response, context_.stats), *request,
      [this](v1::CreateTopicRequest parsed, auto done) {
        context_.node->CreateTopic(std::move(parsed), std::move(done));
      });
}

grpc::ServerUnaryReactor* TopicService::GetTopic(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::GetTopicRequest, v1::GetTopicResponse>(
      UnaryCall(context, response, context_.stats), *request,
      [this](const v1::GetTopicRequest& parsed, auto done) {
        auto topic = FindTopic(*context_.node, parsed.name(), "");
        if (!topic.ok()) return done(topic.status());
        v1::GetTopicResponse found;
        *found.mutable_topic() = (*topic)->topic;
        done(std::move(found));
      });
}

grpc::ServerUnaryReactor* TopicService::ListTopics(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::ListTopicsRequest, v1::ListTopicsResponse>(
      UnaryCall(context, response, context_.stats), *request,
      [this](const v1::ListTopicsRequest& parsed, auto done) {
        done(ListPage(*context_.node, parsed));
      });
}

grpc::ServerUnaryReactor* TopicService::UpdateTopic(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::UpdateTopicRequest, v1::UpdateTopicResponse>(
      UnaryCall(context, response, context_.stats), *request,
      [this](v1::UpdateTopicRequest parsed, auto done) {
        context_.node->UpdateTopic(std::move(parsed), std::move(done));
      });
}

grpc::ServerUnaryReactor* TopicService::DeleteTopic(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::DeleteTopicRequest, v1::DeleteTopicResponse>(
      UnaryCall(context, response, context_.stats), *request,
      [this](v1::DeleteTopicRequest parsed, auto done) {
        context_.node->DeleteTopic(std::move(parsed), std::move(done));
      });
}

grpc::ServerUnaryReactor* TopicService::AddPartitions(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return RunUnary<v1::AddPartitionsRequest, v1::AddPartitionsResponse>(
      UnaryCall(context, response, context_.stats), *request,
      [this](v1::AddPartitionsRequest parsed, auto done) {
        context_.node->AddPartitions(std::move(parsed), std::move(done));
      });
}

}  // namespace kappa::server
