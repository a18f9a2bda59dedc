// LiveStreams: the streams that are open, so that a shutdown can end them.
#ifndef KAPPA_SERVER_RPC_LIVE_STREAMS_H_
#define KAPPA_SERVER_RPC_LIVE_STREAMS_H_

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "proto/wire/mutex.h"

namespace kappa::server {

// A call that lasts until someone ends it.
class LiveStream {
 public:
  virtual ~LiveStream() = default;
  // Ends the call with UNAVAILABLE (SHUTTING_DOWN) as soon as what it accepted
  // is answered. Any thread.
  virtual void BeginShutdown() = 0;
};

// Thread safety: thread-safe.
class LiveStreams {
 public:
  // Keeps `stream` until Remove. When a shutdown has begun, the stream is told
  // at once.
  void Add(std::shared_ptr<LiveStream> stream) {
    bool shut_down;
    {
      MutexLock lock(&mutex_);
      streams_.emplace(stream.get(), stream);
      shut_down = shut_down_;
    }
    if (shut_down) stream->BeginShutdown();
  }

  void Remove(LiveStream* stream) {
    std::shared_ptr<LiveStream> last;  // released outside the lock
    MutexLock lock(&mutex_);
    auto found = streams_.find(stream);
    if (found == streams_.end()) return;
    last = std::move(found->second);
    streams_.erase(found);
  }

  // Tells every stream, now and later ones.
  void BeginShutdown() {
    std::vector<std::shared_ptr<LiveStream>> streams;
    {
      MutexLock lock(&mutex_);
      shut_down_ = true;
      for (auto& [raw, stream] : streams_) streams.push_back(stream);
    }
    for (const auto& stream : streams) stream->BeginShutdown();
  }

  size_t size() const {
    MutexLock lock(&mutex_);
    return streams_.size();
  }

 private:
  mutable Mutex mutex_;
  absl::flat_hash_map<LiveStream*, std::shared_ptr<LiveStream>> streams_
      ABSL_GUARDED_BY(mutex_);
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_LIVE_STREAMS_H_
