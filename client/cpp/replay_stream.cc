#include "client/cpp/replay_stream.h"

#include <utility>

#include "absl/time/clock.h"
#include "client/cpp/error.h"

namespace kappa::client {
namespace {

// On the wire a server stream is a bidirectional one with one request.
constexpr char kMethod[] = "/kappa.v1.LogService/Replay";

}  // namespace

ReplayStream::ReplayStream(std::shared_ptr<grpc::Channel> channel,
                           std::string address, v1::ReplayRequest request,
                           size_t read_ahead_bytes, ReadySignal* ready)
    : address_(std::move(address)),
      read_ahead_bytes_(read_ahead_bytes),
      ready_(*ready),
      request_(std::move(request)),
      stub_(std::move(channel)),
      last_activity_(absl::Now()) {
  stub_.PrepareBidiStreamingCall(&context_, kMethod, grpc::StubOptions(), this);
  StartWriteLast(&request_, grpc::WriteOptions());
  StartRead(&incoming_);
  StartCall();
}

ReplayStream::~ReplayStream() {
  context_.TryCancel();
  MutexLock lock(&mutex_);
  while (!end_.has_value()) {
    queue_.clear();
    queued_bytes_ = 0;
    if (std::exchange(paused_, false)) RemoveHold();
    done_changed_.Wait(&mutex_);
  }
}

std::optional<grpc::ByteBuffer> ReplayStream::Pop() {
  MutexLock lock(&mutex_);
  if (queue_.empty()) return std::nullopt;
  grpc::ByteBuffer message = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= message.Length();
  last_activity_ = absl::Now();
  if (paused_ && queued_bytes_ < read_ahead_bytes_) {
    paused_ = false;
    StartRead(&incoming_);
    RemoveHold();
  }
  return message;
}

std::optional<absl::Status> ReplayStream::End() {
  MutexLock lock(&mutex_);
  return queue_.empty() ? end_ : std::nullopt;
}

absl::Time ReplayStream::last_activity() {
  MutexLock lock(&mutex_);
  return last_activity_;
}

void ReplayStream::OnReadDone(bool ok) {
  if (!ok) return;
  {
    MutexLock lock(&mutex_);
    queued_bytes_ += incoming_.Length();
    queue_.push_back(std::move(incoming_));
    incoming_ = grpc::ByteBuffer();
    last_activity_ = absl::Now();
    if (queued_bytes_ < read_ahead_bytes_) {
      StartRead(&incoming_);
    } else {
      paused_ = true;
      AddHold();
      // A destructor that waits lets go of it.
      done_changed_.Signal();
    }
  }
  ready_.Notify();
}

void ReplayStream::OnDone(const grpc::Status& status) {
  // Under the lock: once it is released the destructor may run to its end.
  MutexLock lock(&mutex_);
  end_ = StatusFromGrpc(status);
  ready_.Notify();
  done_changed_.Signal();
}

}  // namespace kappa::client
