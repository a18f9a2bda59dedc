#include "client/cpp/channel_pool.h"

#include <algorithm>

#include "grpcpp/create_channel.h"
#include "grpcpp/support/channel_arguments.h"

namespace kappa::client {
namespace {

// A batch of the largest topic limit, 16 MiB, with what goes around it.
constexpr int kMessageBytesMax = 17 * 1024 * 1024;
// While calls are under way the node is asked so often whether it lives: one
// that was stopped or cut off keeps its connections. The timeout also is
// TCP_USER_TIMEOUT: data that is not acknowledged breaks the connection.
constexpr int kKeepaliveTimeMs = 1'000;
constexpr int kKeepaliveTimeoutMs = 1'000;
// How long a connection may take to come about.
constexpr int kConnectTimeoutMs = 1'000;
// Longest wait for another try while somebody wants the connection: callers
// wait themselves, and a node that is back shall be found at once.
constexpr absl::Duration kReconnectMax = absl::Milliseconds(100);

std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(
    const ClientOptions& options, const TlsMaterial& tls) {
  if (!options.tls.has_value()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions ssl;  // TLS 1.2 or 1.3
  ssl.pem_root_certs = tls.ca;
  ssl.pem_cert_chain = tls.cert;
  ssl.pem_private_key = tls.key;
  return grpc::SslCredentials(ssl);
}

}  // namespace

ChannelPool::ChannelPool(const ClientOptions& options, const TlsMaterial& tls)
    : credentials_(CredentialsOf(options, tls)),
      server_name_(options.tls.has_value() ? options.tls->server_name : ""),
      backoff_min_(options.backoff_min),
      backoff_max_(options.backoff_max) {}

std::shared_ptr<grpc::Channel> ChannelPool::Get(const std::string& address) {
  MutexLock lock(&mutex_);
  std::shared_ptr<grpc::Channel>& channel = channels_[address];
  if (channel == nullptr) channel = Make(address);
  return channel;
}

std::shared_ptr<grpc::Channel> ChannelPool::Make(
    const std::string& address) const {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // no limit
  // We repeat calls ourselves; gRPC's own retries would buffer messages.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // Addresses are given as they are to be dialled.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const int backoff_min_ms =
      static_cast<int>(absl::ToInt64Milliseconds(backoff_min_)) + 1;
  const int backoff_max_ms = static_cast<int>(absl::ToInt64Milliseconds(
                                 std::min(kReconnectMax, backoff_max_))) +
                             1;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, backoff_min_ms);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, backoff_max_ms);
  if (!server_name_.empty()) arguments.SetSslTargetNameOverride(server_name_);
  return grpc::CreateCustomChannel(address, credentials_, arguments);
}

}  // namespace kappa::client
