#include "server/peer/node_tls.h"

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "proto/wire/mutex.h"
#include "server/rpc/tls_credentials.h"
#include "server/tls_follower.h"

namespace kappa::server {
namespace {

// Thread safety: thread-safe.
class ChannelTls {
 public:
  explicit ChannelTls(std::unique_ptr<TlsFollower> follower)
      : follower_(std::move(follower)) {}

  // The same object as long as the files have not changed.
  std::shared_ptr<grpc::ChannelCredentials> Credentials() {
    std::shared_ptr<const TlsMaterial> current = follower_->Current();
    MutexLock lock(&mutex_);
    if (current != used_) {
      used_ = std::move(current);
      grpc::SslCredentialsOptions options;
      options.pem_root_certs = used_->ca;
      options.pem_private_key = used_->key;
      options.pem_cert_chain = used_->cert;
      credentials_ = grpc::SslCredentials(options);
    }
    return credentials_;
  }

 private:
  const std::unique_ptr<TlsFollower> follower_;
  Mutex mutex_;
  std::shared_ptr<const TlsMaterial> used_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<grpc::ChannelCredentials> credentials_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<NodeTls> NodeTls::Open(const TlsFiles& files) {
  if (files.cert.empty() || files.key.empty() || files.ca.empty()) {
    return absl::InvalidArgumentError(
        "TLS between nodes needs a certificate, its key and a CA");
  }
  auto server = TlsCredentials::Open(files);
  if (!server.ok()) return server.status();
  auto follower = TlsFollower::Open(files);
  if (!follower.ok()) return follower.status();
  auto channel = std::make_shared<ChannelTls>(*std::move(follower));
  return NodeTls{.server_credentials = *std::move(server),
                 .channel_credentials = [channel = std::move(channel)] {
                   return channel->Credentials();
                 }};
}

}  // namespace kappa::server
