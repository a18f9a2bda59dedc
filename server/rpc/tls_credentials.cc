#include "server/rpc/tls_credentials.h"

#include <utility>

#include "grpc/grpc.h"

namespace kappa::server {
namespace {

// Called by gRPC at each new connection, before the handshake.
grpc_ssl_certificate_config_reload_status Fetch(
    void* credentials, grpc_ssl_server_certificate_config** config) {
  const std::shared_ptr<const TlsMaterial> material =
      static_cast<TlsCredentials*>(credentials)->Refresh();
  if (material == nullptr) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
  const grpc_ssl_pem_key_cert_pair pair = {material->key.c_str(),
                                           material->cert.c_str()};
  // gRPC insists on roots. No certificate is asked for without a client CA, so
  // the own one does no harm as such.
  const std::string& roots =
      material->ca.empty() ? material->cert : material->ca;
  *config = grpc_ssl_server_certificate_config_create(roots.c_str(), &pair, 1);
  return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

}  // namespace

absl::StatusOr<std::shared_ptr<TlsCredentials>> TlsCredentials::Open(
    const TlsFiles& files) {
  auto follower = TlsFollower::Open(files);
  if (!follower.ok()) return follower.status();
  return std::shared_ptr<TlsCredentials>(
      new TlsCredentials(*std::move(follower), !files.ca.empty()));
}

TlsCredentials::TlsCredentials(std::unique_ptr<TlsFollower> follower,
                               bool asks_for_certificate)
    : follower_(std::move(follower)) {
  credentials_ = grpc_ssl_server_credentials_create_with_options(
      grpc_ssl_server_credentials_create_options_using_config_fetcher(
          asks_for_certificate
              ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
              : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
          Fetch, this));
}

TlsCredentials::~TlsCredentials() {
  grpc_server_credentials_release(credentials_);
}

int TlsCredentials::AddPortToServer(const std::string& address,
                                    grpc_server* server) {
  return grpc_server_add_http2_port(server, address.c_str(), credentials_);
}

std::shared_ptr<const TlsMaterial> TlsCredentials::Refresh() {
  std::shared_ptr<const TlsMaterial> current = follower_->Current();
  MutexLock lock(&mutex_);
  if (current == given_) return nullptr;
  given_ = current;
  return current;
}

}  // namespace kappa::server
