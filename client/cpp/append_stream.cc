#include "client/cpp/append_stream.h"

#include <utility>

#include "absl/time/clock.h"
#include "client/cpp/error.h"

namespace kappa::client {
namespace {

constexpr char kMethod[] = "/kappa.v1.LogService/AppendStream";

}  // namespace

AppendStream::AppendStream(std::shared_ptr<grpc::Channel> channel,
                           std::string address, Listener* listener)
    : address_(std::move(address)),
      listener_(listener),
      stub_(std::move(channel)) {
  stub_.PrepareBidiStreamingCall(&context_, kMethod, grpc::StubOptions(), this);
  // Writes start from any thread: the hold keeps OnDone away until StopWrites.
  AddHold();
  StartCall();
  StartRead(&answer_);
}

std::optional<uint64_t> AppendStream::Write(grpc::ByteBuffer message) {
  MutexLock lock(&mutex_);
  if (stopped_ || closing_) return std::nullopt;
  if (answered_total_ >= queued_total_) silent_since_ = absl::Now();
  queue_.push_back(std::move(message));
  const uint64_t ticket = queued_total_++;
  if (!writing_) StartNextWrite();
  return ticket;
}

void AppendStream::Close() {
  MutexLock lock(&mutex_);
  if (stopped_ || closing_) return;
  closing_ = true;
  if (!writing_) StartNextWrite();
}

void AppendStream::GiveUp(absl::Status cause) {
  {
    MutexLock lock(&mutex_);
    if (given_up_.ok()) given_up_ = std::move(cause);
  }
  Cancel();
}

size_t AppendStream::unanswered() {
  MutexLock lock(&mutex_);
  return answered_total_ < queued_total_ ? queued_total_ - answered_total_ : 0;
}

absl::Duration AppendStream::Silence(absl::Time now) {
  MutexLock lock(&mutex_);
  if (answered_total_ >= queued_total_) return absl::ZeroDuration();
  return now - silent_since_;
}

void AppendStream::StartNextWrite() {
  if (queue_.empty()) {
    if (closing_ && !stopped_) {
      StartWritesDone();
      StopWrites();
    }
    return;
  }
  writing_ = true;
  ++started_total_;
  grpc::WriteOptions options;
  if (queue_.size() > 1) options.set_buffer_hint();
  StartWrite(&queue_.front(), options);
}

void AppendStream::StopWrites() {
  if (stopped_) return;
  stopped_ = true;
  RemoveHold();
}

void AppendStream::OnWriteDone(bool ok) {
  MutexLock lock(&mutex_);
  writing_ = false;
  queue_.pop_front();
  if (!ok) {
    StopWrites();
  } else if (!stopped_) {
    StartNextWrite();
  }
}

void AppendStream::OnReadDone(bool ok) {
  if (ok) {
    absl::Duration silence;
    {
      MutexLock lock(&mutex_);
      const absl::Time now = absl::Now();
      silence = now - std::exchange(silent_since_, now);
      ++answered_total_;
    }
    listener_->OnAnswer(this, silence, answer_);
    StartRead(&answer_);
    return;
  }
  MutexLock lock(&mutex_);
  StopWrites();
}

void AppendStream::OnDone(const grpc::Status& status) {
  uint64_t started;
  absl::Status outcome = StatusFromGrpc(status);
  {
    MutexLock lock(&mutex_);
    started = started_total_;
    queue_.clear();
    if (!given_up_.ok()) outcome = given_up_;
  }
  if (outcome.ok()) {
    outcome = absl::UnavailableError("the server ended the append stream");
  }
  // Last: this object may be gone when it returns.
  listener_->OnStreamEnd(this, started, outcome);
}

}  // namespace kappa::client
