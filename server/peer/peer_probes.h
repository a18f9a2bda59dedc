// PeerProbes: asks a list of addresses, again and again, what the nodes there
// are.
#ifndef KAPPA_SERVER_PEER_PEER_PROBES_H_
#define KAPPA_SERVER_PEER_PEER_PROBES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/security/credentials.h"
#include "kappa/raft/v1/peer_service.grpc.pb.h"
#include "proto/wire/clock.h"
#include "proto/wire/mutex.h"
#include "server/formation_rules.h"
#include "server/peer/live_count.h"

namespace kappa::server {

// Thread safety: thread-safe, but Ask is called by one thread.
class PeerProbes {
 public:
  // A question without an answer is given up after `timeout_us`. `on_news` is
  // called, on any thread, when one has come to its end.
  PeerProbes(const std::vector<std::string>& addresses,
             const std::shared_ptr<grpc::ChannelCredentials>& credentials,
             const Clock* clock, int64_t timeout_us,
             std::function<void()> on_news);
  // Ends the questions that are under way.
  ~PeerProbes();
  PeerProbes(const PeerProbes&) = delete;
  PeerProbes& operator=(const PeerProbes&) = delete;

  // Asks every address where no question is under way.
  void Ask(const raft::v1::ProbeRequest& request);

  // One for each address.
  std::vector<ProbeResult> results() const;

 private:
  struct Call {
    grpc::ClientContext context;
    raft::v1::ProbeRequest request;
    raft::v1::ProbeResponse response;
    int64_t asked_us = 0;
  };
  struct Place {
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<raft::v1::PeerService::Stub> stub;
    std::shared_ptr<Call> call;  // under way; nullptr: none
    ProbeResult result;
  };

  void End(size_t place, std::shared_ptr<Call> call,
           const grpc::Status& status);

  const Clock* const clock_;
  const int64_t timeout_us_;
  const std::function<void()> on_news_;
  LiveCount live_;
  mutable Mutex mutex_;
  std::vector<Place> places_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_PEER_PROBES_H_
