// Channels to other nodes, each on a connection of its own.
#ifndef KAPPA_SERVER_PEER_PEER_CHANNEL_H_
#define KAPPA_SERVER_PEER_PEER_CHANNEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"

namespace kappa::server {

struct PeerChannelOptions {
  std::string address;  // HOST:PORT
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  int64_t connect_timeout_us = 3'000'000;
  // Of one message that comes in.
  size_t receive_bytes_max = 0;
};

// A channel that shares its connection with no other one. It retries nothing,
// and notices within seconds that the other end is gone.
std::shared_ptr<grpc::Channel> MakePeerChannel(
    const PeerChannelOptions& options);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_PEER_CHANNEL_H_
