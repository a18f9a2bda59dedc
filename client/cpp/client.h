// Client: the connection to one cluster, shared by producers, replays and
// administrative calls.
#ifndef KAPPA_CLIENT_CPP_CLIENT_H_
#define KAPPA_CLIENT_CPP_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cpp/channel_pool.h"
#include "client/cpp/client_options.h"
#include "client/cpp/leader_cache.h"
#include "client/cpp/node_list.h"
#include "grpcpp/channel.h"

namespace kappa::client {

// Knows the seeds, keeps one channel per node, and remembers who leads which
// partition. Channels reconnect by themselves; a call that fails in between is
// repeated by Admin, Producer and Replay with growing, jittered waits,
// elsewhere if that may help. A node that answers nothing while calls are under
// way is given up after about two seconds.
//
//   absl::StatusOr<std::shared_ptr<Client>> client =
//       Client::Connect({.seeds = "127.0.0.1:7400"});
//
// Thread safety: thread-safe. Producers, replays and Admin keep it alive.
class Client {
 public:
  // Waits until one seed accepts a connection.
  // Errors: INVALID_ARGUMENT: `seeds` is malformed, or `tls` cannot be read or
  // used; UNAVAILABLE: none accepted one within `connect_timeout`, with the
  // reason (connect_failure.h).
  static absl::StatusOr<std::shared_ptr<Client>> Connect(ClientOptions options);

  // The same without waiting: the first call connects.
  // Errors: INVALID_ARGUMENT: `seeds` is malformed, or `tls` cannot be read or
  // used.
  static absl::StatusOr<std::shared_ptr<Client>> Create(ClientOptions options);

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const ClientOptions& options() const { return options_; }
  const std::vector<std::string>& seeds() const { return nodes_.seeds(); }

  // --- For the other classes of this SDK ---

  // The node to talk to about a partition: its leader if known, else a seed.
  std::string AddressOf(std::string_view topic, uint32_t partition);
  // Some node: a seed; after a failure of that one, another.
  std::string SeedAddress() const { return nodes_.Current(); }
  // The channel to a node, made at its first use.
  std::shared_ptr<grpc::Channel> ChannelTo(const std::string& address);
  // Learns from an error about a partition that `address` answered: NOT_LEADER
  // names the leader, any other retriable error makes a remembered leader
  // doubtful. True: AddressOf now is another node, to go to at once. An empty
  // topic stands for what is about no partition.
  bool NoteError(std::string_view topic, uint32_t partition,
                 const std::string& address, const absl::Status& status);
  // Learns that `address` cannot be reached.
  void NoteFailure(const std::string& address);

 private:
  Client(ClientOptions options, std::vector<std::string> seeds,
         const TlsMaterial& tls);

  const ClientOptions options_;
  NodeList nodes_;
  ChannelPool channels_;
  LeaderCache leaders_;
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_CLIENT_H_
