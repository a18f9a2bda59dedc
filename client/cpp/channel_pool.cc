#include "client/cpp/channel_pool.h"

#include "grpcpp/create_channel.h"
#include "grpcpp/support/channel_arguments.h"

namespace kappa::client {
namespace {

// A batch of the largest topic limit, 16 MiB, with what goes around it.
constexpr int kMessageBytesMax = 17 * 1024 * 1024;
// Not more often than a gRPC server tolerates by default. What it gives us at
// once is TCP_USER_TIMEOUT: unacknowledged data breaks the connection after
// kKeepaliveTimeoutMs.
constexpr int kKeepaliveTimeMs = 310'000;
constexpr int kKeepaliveTimeoutMs = 20'000;

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
  // We repeat calls ourselves; gRPC's own retries would buffer messages.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // Addresses are given as they are to be dialled.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const int backoff_min_ms =
      static_cast<int>(absl::ToInt64Milliseconds(backoff_min_)) + 1;
  const int backoff_max_ms =
      static_cast<int>(absl::ToInt64Milliseconds(backoff_max_)) + 1;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, backoff_min_ms);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, backoff_min_ms);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, backoff_max_ms);
  if (!server_name_.empty()) arguments.SetSslTargetNameOverride(server_name_);
  return grpc::CreateCustomChannel(address, credentials_, arguments);
}

}  // namespace kappa::client
