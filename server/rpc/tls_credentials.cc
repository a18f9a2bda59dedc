#include "server/rpc/tls_credentials.h"

#include <utility>

#include "absl/status/status.h"
#include "grpc/grpc.h"
#include "server/logging.h"

namespace kappa::server {
namespace {

// Called by gRPC at each new connection, before the handshake.
grpc_ssl_certificate_config_reload_status Fetch(
    void* credentials, grpc_ssl_server_certificate_config** config) {
  const std::unique_ptr<TlsMaterial> material =
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
    TlsFiles files) {
  absl::StatusOr<TlsMaterial> material = LoadTlsFiles(files);
  if (!material.ok()) return material.status();
  return std::shared_ptr<TlsCredentials>(
      new TlsCredentials(std::move(files), *std::move(material)));
}

TlsCredentials::TlsCredentials(TlsFiles files, TlsMaterial material)
    : files_(std::move(files)), current_(std::move(material)) {
  credentials_ = grpc_ssl_server_credentials_create_with_options(
      grpc_ssl_server_credentials_create_options_using_config_fetcher(
          files_.ca.empty()
              ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
              : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY,
          Fetch, this));
}

TlsCredentials::~TlsCredentials() {
  grpc_server_credentials_release(credentials_);
}

int TlsCredentials::AddPortToServer(const std::string& address,
                                    grpc_server* server) {
  return grpc_server_add_http2_port(server, address.c_str(), credentials_);
}

std::unique_ptr<TlsMaterial> TlsCredentials::Refresh() {
  absl::StatusOr<TlsMaterial> read = ReadTlsFiles(files_);
  MutexLock lock(&mutex_);
  if (!read.ok()) {
    Refuse(std::string(read.status().message()));
  } else if (*read == current_) {
    refused_.clear();
  } else if (absl::Status good = CheckTlsMaterial(*read, files_); !good.ok()) {
    Refuse(std::string(good.message()));
  } else {
    current_ = *std::move(read);
    given_ = false;
    refused_.clear();
  }
  if (given_) return nullptr;
  given_ = true;
  LogInfo("TLS certificate in use",
          {{"certificate", DescribeCertificate(current_.cert)},
           {"file", files_.cert},
           {"client_ca", files_.ca}});
  return std::make_unique<TlsMaterial>(current_);
}

void TlsCredentials::Refuse(const std::string& why) {
  if (why == refused_) return;
  refused_ = why;
  LogError("changed TLS files are not taken, the former ones stay in use",
           {{"error", why}});
}

}  // namespace kappa::server
