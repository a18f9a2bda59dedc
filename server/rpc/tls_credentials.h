// TlsCredentials: server TLS whose certificates follow their files.
#ifndef KAPPA_SERVER_RPC_TLS_CREDENTIALS_H_
#define KAPPA_SERVER_RPC_TLS_CREDENTIALS_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "grpc/grpc_security.h"
#include "grpcpp/security/server_credentials.h"
#include "proto/wire/mutex.h"
#include "proto/wire/tls_material.h"
#include "server/tls_follower.h"

namespace kappa::server {

// TLS 1.2 and 1.3. The files are read at each new connection: it gets what they
// hold then, or what was last good (TlsFollower). Open connections keep what
// they began with.
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
  static absl::StatusOr<std::shared_ptr<TlsCredentials>> Open(
      const TlsFiles& files);
  ~TlsCredentials() override;
  TlsCredentials(const TlsCredentials&) = delete;
  TlsCredentials& operator=(const TlsCredentials&) = delete;

  // What the next connection gets, and whether it differs from what the one
  // before it got; nullptr when it does not.
  std::shared_ptr<const TlsMaterial> Refresh();

  void SetAuthMetadataProcessor(
      const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  TlsCredentials(std::unique_ptr<TlsFollower> follower,
                 bool asks_for_certificate);

  int AddPortToServer(const std::string& address, grpc_server* server) override;

  const std::unique_ptr<TlsFollower> follower_;
  grpc_server_credentials* credentials_ = nullptr;
  Mutex mutex_;
  // What the last connection got; nullptr: there was none.
  std::shared_ptr<const TlsMaterial> given_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_TLS_CREDENTIALS_H_
