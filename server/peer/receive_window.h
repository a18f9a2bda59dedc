// ReceiveWindow: how much one node may hand to this one, in one class, before
// this one has made room for it.
#ifndef KAPPA_SERVER_PEER_RECEIVE_WINDOW_H_
#define KAPPA_SERVER_PEER_RECEIVE_WINDOW_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "proto/wire/mutex.h"

namespace kappa::server {

class ReceiveWindow;

// Bytes of a received message that count against its sender's window until this
// object is gone. The receiver keeps it until the message no longer takes up
// memory that is waiting: for entries until the log writer has taken them. It
// is not the content's owner: content may be kept longer, in memory that has a
// budget of its own.
//
// Thread safety: thread-compatible; may be dropped on any thread, at any time.
class ReceiveCredit {
 public:
  ReceiveCredit() = default;
  ReceiveCredit(std::shared_ptr<ReceiveWindow> window, size_t bytes)
      : window_(std::move(window)), bytes_(bytes) {}
  ReceiveCredit(ReceiveCredit&&) = default;
  ReceiveCredit& operator=(ReceiveCredit&& other) {
    Release();
    window_ = std::move(other.window_);
    bytes_ = other.bytes_;
    return *this;
  }
  ~ReceiveCredit() { Release(); }

  // Gives the bytes back; idempotent.
  void Release();

 private:
  std::shared_ptr<ReceiveWindow> window_;  // nullptr: nothing to give back
  size_t bytes_ = 0;
};

// While the bytes that are taken reach the limit, the window is shut, and the
// stream of the sender reads nothing: HTTP/2 then stops the sender, whose queue
// is bounded. The window outlives streams: what a former one delivered counts.
//
// Thread safety: thread-safe.
class ReceiveWindow : public std::enable_shared_from_this<ReceiveWindow> {
 public:
  explicit ReceiveWindow(size_t bytes_max) : bytes_max_(bytes_max) {}

  // From now on `on_open` is called, without a lock, each time the window opens
  // again; what was called before is not called any more, but may be under way.
  void CallWhenOpen(std::function<void()> on_open) {
    MutexLock lock(&mutex_);
    on_open_ = std::move(on_open);
  }

  // Takes `bytes`, whether or not there is room: what was read is there.
  ReceiveCredit Take(size_t bytes) {
    MutexLock lock(&mutex_);
    taken_bytes_ += bytes;
    return ReceiveCredit(shared_from_this(), bytes);
  }
  bool open() const {
    MutexLock lock(&mutex_);
    return taken_bytes_ < bytes_max_;
  }
  size_t taken_bytes() const {
    MutexLock lock(&mutex_);
    return taken_bytes_;
  }

 private:
  friend class ReceiveCredit;
  void Return(size_t bytes) {
    std::function<void()> on_open;
    {
      MutexLock lock(&mutex_);
      if (taken_bytes_ >= bytes_max_ && taken_bytes_ - bytes < bytes_max_) {
        on_open = on_open_;
      }
      taken_bytes_ -= bytes;
    }
    if (on_open) on_open();
  }

  const size_t bytes_max_;
  mutable Mutex mutex_;
  std::function<void()> on_open_ ABSL_GUARDED_BY(mutex_);
  size_t taken_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

inline void ReceiveCredit::Release() {
  if (window_ == nullptr) return;
  std::exchange(window_, nullptr)->Return(bytes_);
}

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PEER_RECEIVE_WINDOW_H_
