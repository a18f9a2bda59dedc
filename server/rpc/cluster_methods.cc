#include "server/rpc/cluster_methods.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "kappa/v1/cluster_service.pb.h"
#include "server/errors.h"
#include "server/metadata_group.h"
#include "server/rpc/page_token.h"
#include "server/rpc/partition_lookup.h"

namespace kappa::server {
namespace {

constexpr char kService[] = "kappa.v1.ClusterService";

constexpr uint32_t kPageSizeDefault = 100;
constexpr uint32_t kPageSizeMax = 1000;

// The number of the first partition of the page that is asked for.
absl::StatusOr<uint32_t> FirstOf(const v1::DescribePartitionsRequest& request) {
  if (request.page_token().empty()) return 0;
  absl::StatusOr<std::string> token =
      ParsePageToken(request.topic(), request.page_token());
  if (!token.ok()) return token.status();
  uint32_t first = 0;
  if (!absl::SimpleAtoi(*token, &first)) {
    return MakeError(v1::ERROR_REASON_INVALID_PAGE_TOKEN,
                     "page_token is none of DescribePartitions");
  }
  return first;
}

void DescribePartitions(const Node& node, ClusterStatus* status,
                        const v1::DescribePartitionsRequest& request,
                        Node::Callback<v1::DescribePartitionsResponse> done) {
  if (request.page_size() > kPageSizeMax) {
    return done(MakeError(v1::ERROR_REASON_LIMIT_EXCEEDED,
                          absl::StrCat("limit page_size ", kPageSizeMax,
                                       ": got ", request.page_size()),
                          {{"limit", "page_size"},
                           {"max", absl::StrCat(kPageSizeMax)},
                           {"value", absl::StrCat(request.page_size())}}));
  }
  auto topic = FindTopic(node, request.topic(), "");
  if (!topic.ok()) return done(topic.status());
  const absl::StatusOr<uint32_t> first = FirstOf(request);
  if (!first.ok()) return done(first.status());
  const uint32_t count =
      request.page_size() == 0 ? kPageSizeDefault : request.page_size();
  const uint32_t next = *first + count;
  std::string token;
  if (next < (*topic)->groups.size()) {
    token = MakePageToken(request.topic(), absl::StrCat(next));
  }
  status->DescribePartitions(
      *std::move(topic), *first, count,
      [token = std::move(token), done = std::move(done)](
          absl::StatusOr<v1::DescribePartitionsResponse> page) mutable {
        if (page.ok()) page->set_next_page_token(std::move(token));
        done(std::move(page));
      });
}

// Whose leadership shall move.
absl::StatusOr<GroupId> GroupOf(const Node& node,
                                const v1::TransferLeadershipRequest& request) {
  if (request.metadata() && request.topic().empty()) return kMetadataGroup;
  if (request.metadata()) {
    return MakeError(v1::ERROR_REASON_MALFORMED_REQUEST,
                     absl::StrCat("metadata is true and topic is ",
                                  request.topic(), ": one of them is meant"));
  }
  const absl::StatusOr<FoundPartition> partition =
      FindPartition(node, request.topic(), "", request.partition());
  if (!partition.ok()) return partition.status();
  return partition->group;
}

void TransferLeadership(const Node& node, ClusterStatus* status,
                        const v1::TransferLeadershipRequest& request,
                        Node::Callback<v1::TransferLeadershipResponse> done) {
  const absl::StatusOr<GroupId> group = GroupOf(node, request);
  if (!group.ok()) return done(group.status());
  std::optional<NodeId> target;
  if (request.to_node() != 0) target = NodeId(request.to_node());
  status->TransferLeadership(
      *group, target,
      [done = std::move(done)](absl::StatusOr<GroupLeader> leader) mutable {
        if (!leader.ok()) return done(leader.status());
        v1::TransferLeadershipResponse response;
        response.set_leader(leader->node.value());
        response.set_term(leader->term.value());
        done(std::move(response));
      });
}

}  // namespace

void AddClusterMethods(const RpcContext& context, ClusterStatus* status,
                       UnaryMethods* methods) {
  using Effect = UnaryMethod::Effect;
  const Node* const node = context.node;
  methods->AddParsed<v1::DescribeClusterRequest, v1::DescribeClusterResponse>(
      kService, "DescribeCluster", Effect::kReads,
      [status](const v1::DescribeClusterRequest&,
               Node::Callback<v1::DescribeClusterResponse> done) {
        status->Describe(std::move(done));
      });
  methods->AddParsed<v1::DescribePartitionsRequest,
                     v1::DescribePartitionsResponse>(
      kService, "DescribePartitions", Effect::kReads,
      [node, status](const v1::DescribePartitionsRequest& request,
                     Node::Callback<v1::DescribePartitionsResponse> done) {
        DescribePartitions(*node, status, request, std::move(done));
      });
  methods->AddParsed<v1::GetHealthRequest, v1::GetHealthResponse>(
      kService, "GetHealth", Effect::kReads,
      [status](const v1::GetHealthRequest&,
               Node::Callback<v1::GetHealthResponse> done) {
        status->CheckHealth(std::move(done));
      });
  // Asked for again it does no harm.
  methods->AddParsed<v1::TransferLeadershipRequest,
                     v1::TransferLeadershipResponse>(
      kService, "TransferLeadership", Effect::kReads,
      [node, status](const v1::TransferLeadershipRequest& request,
                     Node::Callback<v1::TransferLeadershipResponse> done) {
        TransferLeadership(*node, status, request, std::move(done));
      });
}

}  // namespace kappa::server
