#include "server/peer/peer_link.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "server/logging.h"

namespace kappa::server {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

}  // namespace

PeerLink::PeerLink(PeerLinkOptions options, std::string address)
    : options_(std::move(options)),
      queue_(options_.queue_bytes_max),
      address_(std::move(address)),
      since_us_(options_.clock->MonotonicUs()),
      retry_at_us_(since_us_),
      backoff_(options_.backoff_first_us, options_.backoff_longest_us,
               options_.seed) {
  queue_.Open();
}

void PeerLink::Send(std::vector<PeerMessage> messages) {
  queue_.Push(std::move(messages));
  std::shared_ptr<PeerStream> stream;
  {
    MutexLock lock(&mutex_);
    stream = stream_;
  }
  if (stream != nullptr) stream->Pump();
}

int64_t PeerLink::Tick() {
  const int64_t now_us = options_.clock->MonotonicUs();
  std::shared_ptr<PeerStream> late;
  std::shared_ptr<PeerStream> beats;
  bool attempt = false;
  int64_t next_us = kNever;
  {
    MutexLock lock(&mutex_);
    switch (state_) {
      case LinkState::kBackoff:
        attempt = now_us >= retry_at_us_;
        next_us = retry_at_us_;
        break;
      case LinkState::kConnecting:
        next_us = since_us_ + options_.connect_timeout_us;
        if (given_up_) {
          next_us = kNever;
        } else if (now_us >= next_us) {
          given_up_ = true;
          late = stream_;
          next_us = kNever;
        }
        break;
      case LinkState::kConnected:
        if (options_.beat_period_us == 0) break;
        next_us = beat_at_us_;
        if (now_us >= beat_at_us_) {
          beats = stream_;
          next_us = now_us + options_.beat_period_us;
        }
        break;
      case LinkState::kStopped:
        break;
    }
  }
  if (late != nullptr) {
    late->Cancel(absl::DeadlineExceededError(absl::StrCat(
        "no answer within ", options_.connect_timeout_us / 1000, " ms")));
  }
  if (beats != nullptr) next_us = Beat(beats.get(), now_us);
  if (!attempt) return next_us;
  Attempt();
  return now_us + options_.connect_timeout_us;
}

int64_t PeerLink::Beat(PeerStream* stream, int64_t now_us) {
  const int64_t sent_us = stream->Beat(now_us - options_.beat_period_us);
  MutexLock lock(&mutex_);
  beat_at_us_ = sent_us + options_.beat_period_us;
  return beat_at_us_;
}

void PeerLink::Attempt() {
  std::string address;
  uint64_t attempt;
  {
    MutexLock lock(&mutex_);
    if (state_ != LinkState::kBackoff) return;
    Enter(LinkState::kConnecting);
    attempt = ++attempts_;
    given_up_ = skip_backoff_ = false;
    in_flight_ = true;
    address = address_;
    queue_.Open();
  }
  std::shared_ptr<PeerStream> stream =
      options_.factory(address, shared_from_this(), attempt);
  bool unwanted;
  {
    MutexLock lock(&mutex_);
    unwanted = state_ == LinkState::kStopped || address_ != address;
    if (in_flight_) stream_ = stream;  // else it has ended already
  }
  if (unwanted) {
    stream->Cancel(absl::CancelledError("the peer was removed or moved"));
  } else {
    stream->Pump();
  }
}

void PeerLink::Enter(LinkState state) {
  state_ = state;
  since_us_ = options_.clock->MonotonicUs();
}

void PeerLink::Readdress(const std::string& address) {
  std::shared_ptr<PeerStream> stream;
  {
    MutexLock lock(&mutex_);
    if (address_ == address || state_ == LinkState::kStopped) return;
    address_ = address;
    skip_backoff_ = true;
    retry_at_us_ = options_.clock->MonotonicUs();
    backoff_.Reset();
    stream = stream_;
  }
  if (stream != nullptr) {
    stream->Cancel(absl::CancelledError("the peer has another address"));
  }
  options_.wake();
}

void PeerLink::RetryNow() {
  {
    MutexLock lock(&mutex_);
    if (state_ != LinkState::kBackoff) return;
    retry_at_us_ = options_.clock->MonotonicUs();
  }
  options_.wake();
}

void PeerLink::Stop() {
  std::shared_ptr<PeerStream> stream;
  {
    MutexLock lock(&mutex_);
    if (state_ == LinkState::kStopped) return;
    Enter(LinkState::kStopped);
    stream = stream_;
  }
  queue_.Close();
  if (stream != nullptr) {
    stream->Cancel(absl::CancelledError("the peer was removed"));
  }
}

void PeerLink::OnConnected(uint64_t attempt) {
  {
    MutexLock lock(&mutex_);
    if (state_ != LinkState::kConnecting || attempt != attempts_) return;
    Enter(LinkState::kConnected);
    ++connections_;
    beat_at_us_ = since_us_ + options_.beat_period_us;
    LogInfo("peer connected",
            {{"node", absl::StrCat(options_.node.value())},
             {"class", std::string(NameOf(options_.peer_class))},
             {"address", address_}});
  }
  options_.wake();
}

void PeerLink::OnDone(uint64_t attempt, const absl::Status& status) {
  std::shared_ptr<PeerStream> stream;  // released outside the lock
  {
    MutexLock lock(&mutex_);
    KAPPA_CHECK(in_flight_ && attempt == attempts_, "one stream at a time");
    in_flight_ = false;
    stream.swap(stream_);
    // The same failure again and again is one line.
    const std::string error(status.ToString());
    if (state_ == LinkState::kConnected ||
        (state_ != LinkState::kStopped && error != last_error_)) {
      LogEnd(status, address_);
    }
    last_error_ = error;
    queue_.Close();
    if (state_ != LinkState::kStopped) {
      const int64_t lasted_us = options_.clock->MonotonicUs() - since_us_;
      if (state_ == LinkState::kConnected &&
          lasted_us >= options_.backoff_longest_us) {
        backoff_.Reset();
      }
      Enter(LinkState::kBackoff);
      retry_at_us_ = since_us_ + (skip_backoff_ ? 0 : backoff_.NextUs());
    }
  }
  options_.wake();
}

void PeerLink::LogEnd(const absl::Status& status,
                      const std::string& address) const {
  LogWarning("peer connection ended",
             {{"node", absl::StrCat(options_.node.value())},
              {"class", std::string(NameOf(options_.peer_class))},
              {"address", address},
              {"reason", status.ToString()}});
}

void PeerLink::CountFrame(size_t messages, size_t bytes) {
  sent_frames_.fetch_add(1, std::memory_order_relaxed);
  sent_messages_.fetch_add(messages, std::memory_order_relaxed);
  sent_bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

LinkStatus PeerLink::status() const {
  LinkStatus status;
  status.queue = queue_.counters();
  status.queued_bytes = queue_.bytes();
  status.sent_frames = sent_frames_.load(std::memory_order_relaxed);
  status.sent_messages = sent_messages_.load(std::memory_order_relaxed);
  status.sent_bytes = sent_bytes_.load(std::memory_order_relaxed);
  MutexLock lock(&mutex_);
  status.state = state_;
  status.since_us = since_us_;
  status.attempts = attempts_;
  status.connections = connections_;
  status.last_error = last_error_;
  return status;
}

}  // namespace kappa::server
