#include "tests/chaos/node_stubs.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cpp/error.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace kappa::chaos {
namespace {

constexpr int kMessageBytesMax = 17 * 1024 * 1024;
// gRPC's own would leave a node that is back alone for minutes.
constexpr int kBackoffMinMs = 50;
constexpr int kBackoffMaxMs = 500;

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kBackoffMinMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kBackoffMaxMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kBackoffMaxMs);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

// Calls `method` with a context that has the deadline.
template <typename Call>
absl::Status WithDeadline(Call call) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       absl::ToChronoMicroseconds(NodeStubs::kCallTimeout));
  return client::StatusFromGrpc(call(&context));
}

}  // namespace

NodeStubs::NodeStubs(const std::vector<std::string>& addresses)
    : addresses_(addresses) {
  for (const std::string& address : addresses_) {
    stubs_.push_back(v1::LogService::NewStub(MakeChannel(address)));
  }
}

std::string NodeStubs::NameOf(size_t node) {
  return absl::StrCat("n", node + 1);
}

absl::Status NodeStubs::Append(size_t node, const v1::AppendRequest& request,
                               v1::AppendResponse* response) {
  return WithDeadline([&](grpc::ClientContext* context) {
    return stubs_[node]->Append(context, request, response);
  });
}

absl::Status NodeStubs::Read(size_t node, const v1::ReadRequest& request,
                             v1::ReadResponse* response) {
  return WithDeadline([&](grpc::ClientContext* context) {
    return stubs_[node]->Read(context, request, response);
  });
}

absl::Status NodeStubs::GetOffsets(size_t node,
                                   const v1::GetOffsetsRequest& request,
                                   v1::GetOffsetsResponse* response) {
  return WithDeadline([&](grpc::ClientContext* context) {
    return stubs_[node]->GetOffsets(context, request, response);
  });
}

absl::Status NodeStubs::OpenProducer(size_t node,
                                     const v1::OpenProducerRequest& request,
                                     v1::OpenProducerResponse* response) {
  return WithDeadline([&](grpc::ClientContext* context) {
    return stubs_[node]->OpenProducer(context, request, response);
  });
}

size_t NodeStubs::LeaderIn(const absl::Status& status, size_t otherwise) const {
  const std::optional<std::string> leader =
      client::MetadataOf(status, "leader");
  if (!leader.has_value()) return otherwise;
  const auto found = std::find(addresses_.begin(), addresses_.end(), *leader);
  return found == addresses_.end() ? otherwise : found - addresses_.begin();
}

}  // namespace kappa::chaos
