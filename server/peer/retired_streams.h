// RetiredStreams: streams that are done, until a thread that is not gRPC's
// frees them.
#ifndef KAPPA_SERVER_PEER_RETIRED_STREAMS_H_
#define KAPPA_SERVER_PEER_RETIRED_STREAMS_H_

#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "proto/wire/mutex.h"
#include "server/peer/peer_stream.h"

namespace kappa::server {

// The last channel of a process ends the threads that run gRPC's callbacks, and
// waits for them. A callback that frees a channel would so wait for itself, and
// gRPC 1.51 frees its queue twice.
//
// Thread safety: thread-safe.
class RetiredStreams {
 public:
  // Takes a stream whose link has let go of it.
  void Add(std::shared_ptr<PeerStream> stream) {
    MutexLock lock(&mutex_);
    streams_.push_back(std::move(stream));
  }

  // Frees the streams that nobody uses any more. Returns whether that was all.
  // Not to be called within a callback of gRPC.
  bool Sweep() {
    std::vector<std::shared_ptr<PeerStream>> unused;  // freed after the lock
    MutexLock lock(&mutex_);
    std::vector<std::shared_ptr<PeerStream>> used;
    for (std::shared_ptr<PeerStream>& stream : streams_) {
      // Nobody can get hold of it anew, so the count only falls.
      (stream.use_count() == 1 ? unused : used).push_back(std::move(stream));
    }
    streams_.swap(used);
    return streams_.empty();
  }

 private:
  Mutex mutex_;
  std::vector<std::shared_ptr<PeerStream>> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_RETIRED_STREAMS_H_
