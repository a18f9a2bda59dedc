// AwaitedHellos: streams of others that have not said who they are yet.
#ifndef KAPPA_SERVER_PEER_AWAITED_HELLOS_H_
#define KAPPA_SERVER_PEER_AWAITED_HELLOS_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "proto/wire/mutex.h"

namespace kappa::server {

// A stream whose caller has to say a hello.
class AwaitedHello {
 public:
  virtual ~AwaitedHello() = default;
  // It is late: ends the stream, unless the hello was accepted. Any thread.
  virtual void EndUnlessHeard() = 0;
};

// Thread safety: thread-safe.
class AwaitedHellos {
 public:
  // A hello is late after `timeout_us`.
  explicit AwaitedHellos(int64_t timeout_us) : timeout_us_(timeout_us) {}

  // The stream began at `now_us`.
  void Add(std::weak_ptr<AwaitedHello> stream, int64_t now_us) {
    MutexLock lock(&mutex_);
    streams_.push_back({std::move(stream), now_us + timeout_us_});
  }
  // Ends the streams whose hello is late at `now_us`.
  void EndLate(int64_t now_us) {
    std::vector<std::shared_ptr<AwaitedHello>> late;
    {
      MutexLock lock(&mutex_);
      while (!streams_.empty() && streams_.front().late_us <= now_us) {
        if (auto stream = streams_.front().stream.lock()) {
          late.push_back(std::move(stream));
        }
        streams_.pop_front();
      }
    }
    for (const auto& stream : late) stream->EndUnlessHeard();
  }

 private:
  struct Stream {
    std::weak_ptr<AwaitedHello> stream;
    int64_t late_us;
  };

  const int64_t timeout_us_;
  Mutex mutex_;
  // In the order in which they began.
  std::deque<Stream> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_AWAITED_HELLOS_H_
