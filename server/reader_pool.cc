#include "server/reader_pool.h"

#include <algorithm>
#include <utility>

#include "proto/wire/check.h"

namespace kappa::server {

ReaderPool::ReaderPool(size_t threads, size_t queue_max, TurnRunner* turns)
    : turns_(turns),
      queue_max_(queue_max),
      replays_at_once_max_(std::max<size_t>(1, threads - 1)) {
  KAPPA_CHECK(threads > 0, "a pool needs a thread");
  if (turns_ != nullptr) {
    turns_->Add(this, TurnKind::kReaders, [this] { return RunTurn(); });
    return;
  }
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { Run(); });
  }
}

ReaderPool::~ReaderPool() {
  {
    MutexLock lock(&mutex_);
    ending_ = true;
    work_.SignalAll();
  }
  for (std::thread& thread : threads_) thread.join();
  if (turns_ == nullptr) return;
  while (RunTurn()) {
  }
  turns_->Remove(this);
}

bool ReaderPool::Submit(storage::ReadClass read_class, Job& job) {
  MutexLock lock(&mutex_);
  std::deque<Job>& queue =
      read_class == storage::ReadClass::kReplay ? replays_ : points_;
  if (ending_ || queue.size() >= queue_max_) {
    ++refusals_;
    return false;
  }
  queue.push_back(std::move(job));
  work_.Signal();
  return true;
}

ReaderPool::Stats ReaderPool::stats() const {
  MutexLock lock(&mutex_);
  return {points_.size(), replays_.size(), active_,
          refusals_,      points_run_,     replays_run_};
}

ReaderPool::Job ReaderPool::TakeLocked(bool* is_replay) {
  *is_replay = points_.empty();
  if (*is_replay &&
      (replays_.empty() || active_replays_ >= replays_at_once_max_)) {
    return Job();
  }
  ++(*is_replay ? replays_run_ : points_run_);
  std::deque<Job>& queue = *is_replay ? replays_ : points_;
  Job job = std::move(queue.front());
  queue.pop_front();
  return job;
}

bool ReaderPool::RunTurn() {
  Job job;
  {
    MutexLock lock(&mutex_);
    bool is_replay = false;
    job = TakeLocked(&is_replay);
  }
  if (!job) return false;
  job();
  return true;
}

void ReaderPool::Run() {
  mutex_.Lock();
  while (true) {
    bool is_replay = false;
    Job job = TakeLocked(&is_replay);
    if (!job) {
      if (ending_ && points_.empty() && replays_.empty()) break;
      work_.Wait(&mutex_);
      continue;
    }
    ++active_;
    active_replays_ += is_replay ? 1 : 0;
    mutex_.Unlock();
    job();
    job = Job();
    mutex_.Lock();
    --active_;
    active_replays_ -= is_replay ? 1 : 0;
    // Another thread may have left a replay alone because of this one.
    if (!replays_.empty() || ending_) work_.SignalAll();
  }
  mutex_.Unlock();
}

}  // namespace kappa::server
