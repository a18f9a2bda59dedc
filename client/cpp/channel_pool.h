// ChannelPool: one gRPC channel per node.
#ifndef KAPPA_CLIENT_CPP_CHANNEL_POOL_H_
#define KAPPA_CLIENT_CPP_CHANNEL_POOL_H_

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "client/cpp/client_options.h"
#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"
#include "proto/wire/mutex.h"
#include "proto/wire/tls_material.h"

namespace kappa::client {

// Makes a channel at the first use of an address and keeps it: gRPC reconnects
// it, with a short back-off, while somebody wants it. Bounded by the number of
// nodes that seeds and answers name.
//
// Thread safety: thread-safe.
class ChannelPool {
 public:
  // `tls` is what `options.tls` names, if it is set.
  ChannelPool(const ClientOptions& options, const TlsMaterial& tls);

  // `address` is HOST:PORT.
  std::shared_ptr<grpc::Channel> Get(const std::string& address);

 private:
  std::shared_ptr<grpc::Channel> Make(const std::string& address) const;

  const std::shared_ptr<grpc::ChannelCredentials> credentials_;
  const std::string server_name_;
  const absl::Duration backoff_min_;
  const absl::Duration backoff_max_;
  Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<grpc::Channel>> channels_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_CHANNEL_POOL_H_
