#include "server/rpc/topic_methods.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kappa/v1/topic_service.pb.h"
#include "server/errors.h"
#include "server/rpc/page_token.h"
#include "server/rpc/partition_lookup.h"

namespace kappa::server {
namespace {

constexpr char kService[] = "kappa.v1.TopicService";

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

// Adds a method that is a call of the node.
template <typename Request, typename Response>
void AddChange(Node* node, std::string_view method,
               void (Node::*call)(Request, Node::Callback<Response>),
               UnaryMethods* methods) {
  methods->AddParsed<Request, Response>(
      kService, method, UnaryMethod::Effect::kChangesTopics,
      [node, call](Request request, Node::Callback<Response> done) {
        (node->*call)(std::move(request), std::move(done));
      });
}

}  // namespace

void AddTopicMethods(const RpcContext& context, UnaryMethods* methods) {
  using Effect = UnaryMethod::Effect;
  Node* const node = context.node;
  AddChange(node, "CreateTopic", &Node::CreateTopic, methods);
  AddChange(node, "UpdateTopic", &Node::UpdateTopic, methods);
  AddChange(node, "DeleteTopic", &Node::DeleteTopic, methods);
  AddChange(node, "AddPartitions", &Node::AddPartitions, methods);
  methods->AddParsed<v1::GetTopicRequest, v1::GetTopicResponse>(
      kService, "GetTopic", Effect::kReads,
      [node](const v1::GetTopicRequest& request,
             Node::Callback<v1::GetTopicResponse> done) {
        auto topic = FindTopic(*node, request.name(), "");
        if (!topic.ok()) return done(topic.status());
        v1::GetTopicResponse found;
        *found.mutable_topic() = (*topic)->topic;
        done(std::move(found));
      });
  methods->AddParsed<v1::ListTopicsRequest, v1::ListTopicsResponse>(
      kService, "ListTopics", Effect::kReads,
      [node](const v1::ListTopicsRequest& request,
             Node::Callback<v1::ListTopicsResponse> done) {
        done(ListPage(*node, request));
      });
}

}  // namespace kappa::server
