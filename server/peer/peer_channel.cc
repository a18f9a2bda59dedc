#include "server/peer/peer_channel.h"

#include <atomic>

#include "grpcpp/create_channel.h"
#include "grpcpp/support/channel_arguments.h"

namespace kappa::server {
namespace {

// A node that is silent so long is asked whether it still lives.
constexpr int kKeepaliveTimeMs = 5'000;
constexpr int kKeepaliveTimeoutMs = 5'000;
// A lost connection is tried again within this.
constexpr int kBackoffFirstMs = 100;
constexpr int kBackoffLongestMs = 1'000;

}  // namespace

std::shared_ptr<grpc::Channel> MakePeerChannel(
    const PeerChannelOptions& options) {
  grpc::ChannelArguments arguments;
  // gRPC shares connections between channels of equal arguments.
  static std::atomic<int> channels{0};
  arguments.SetInt("kappa.peer.channel", channels.fetch_add(1));
  // A repetition is the caller's decision.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kBackoffFirstMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kBackoffLongestMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                   static_cast<int>(options.connect_timeout_us / 1000));
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetMaxReceiveMessageSize(
      static_cast<int>(options.receive_bytes_max));
  return grpc::CreateCustomChannel(options.address, options.credentials,
                                   arguments);
}

}  // namespace kappa::server
