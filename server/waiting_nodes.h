// WaitingNodes: nodes with an empty directory that ask this one for a cluster.
#ifndef KAPPA_SERVER_WAITING_NODES_H_
#define KAPPA_SERVER_WAITING_NODES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kappa/raft/v1/peer_service.pb.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"

namespace kappa::server {

// Remembers who asked lately, by address; they ask several times a second.
//
// Bound: kNodesMax; more are not remembered.
// Thread safety: thread-safe.
class WaitingNodes {
 public:
  static constexpr size_t kNodesMax = 64;
  // Who has not asked for so long does not wait any more.
  static constexpr int64_t kForgetUs = 3'000'000;

  struct Waiting {
    NodeId node;            // 0: it has none yet
    std::string disk_id;    // 16 bytes
    std::string address;    // for nodes
    std::string waits_for;  // for people
    int64_t since_us = 0;   // when it asked first
    int64_t last_us = 0;
  };

  // Times in microseconds of one clock.
  void Note(const raft::v1::ProbeRequest& request, int64_t now_us) {
    if (request.waits_for().empty()) return;
    MutexLock lock(&mutex_);
    Forget(now_us);
    const std::string& address = request.self().address();
    if (waiting_.size() >= kNodesMax && !waiting_.contains(address)) return;
    Waiting& waiting = waiting_[address];
    if (waiting.since_us == 0) waiting.since_us = now_us;
    waiting.node = NodeId(request.self().node_id());
    waiting.disk_id = request.self().disk_id();
    waiting.address = address;
    waiting.waits_for = request.waits_for();
    waiting.last_us = now_us;
  }

  std::vector<Waiting> All(int64_t now_us) {
    MutexLock lock(&mutex_);
    Forget(now_us);
    std::vector<Waiting> all;
    for (const auto& [address, waiting] : waiting_) all.push_back(waiting);
    return all;
  }

 private:
  void Forget(int64_t now_us) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::erase_if(waiting_, [now_us](const auto& entry) {
      return now_us - entry.second.last_us > kForgetUs;
    });
  }

  Mutex mutex_;
  std::map<std::string, Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_WAITING_NODES_H_
