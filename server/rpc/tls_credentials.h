// TlsCredentials: server TLS whose certificates follow their files.
#ifndef KAPPA_SERVER_RPC_TLS_CREDENTIALS_H_
#define KAPPA_SERVER_RPC_TLS_CREDENTIALS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "grpc/grpc_security.h"
#include "grpcpp/security/server_credentials.h"
#include "proto/wire/mutex.h"
#include "proto/wire/tls_material.h"

namespace kappa::server {

// TLS 1.2 and 1.3. The files are read at each new connection: it gets what they
// hold then. While they do not fit together (half of them replaced, or one
// unreadable), new connections get what was last good, and the log says why.
// Open connections keep what they began with.
//
// gRPC's own watcher of files (TlsServerCredentials) is not used: it puts a
// certificate into use before its key is there, and connections fail until
// both are.
//
// Thread safety: thread-safe. Must outlive the server that uses it.
class TlsCredentials final : public grpc::ServerCredentials {
 public:
  // With `files.ca` a client must show a certificate of that CA.
  // Errors: as LoadTlsFiles.
  static absl::StatusOr<std::shared_ptr<TlsCredentials>> Open(TlsFiles files);
  ~TlsCredentials() override;
  TlsCredentials(const TlsCredentials&) = delete;
  TlsCredentials& operator=(const TlsCredentials&) = delete;

  // What the next connection gets, and whether it differs from what the one
  // before it got; nullptr when it does not.
  std::unique_ptr<TlsMaterial> Refresh();

  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  TlsCredentials(TlsFiles files, TlsMaterial material);

  int AddPortToServer(const std::string& address, grpc_server* server) override;
  void Refuse(const std::string& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const TlsFiles files_;
  grpc_server_credentials* credentials_ = nullptr;
  Mutex mutex_;
  TlsMaterial current_ ABSL_GUARDED_BY(mutex_);
  bool given_ ABSL_GUARDED_BY(mutex_) = false;
  // Why the files were last not taken; empty when they were.
  std::string refused_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_TLS_CREDENTIALS_H_
