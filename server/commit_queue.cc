#include "server/commit_queue.h"

#include <algorithm>
#include <utility>

#include "server/errors.h"

namespace kappa::server {

void CommitQueue::Push(Waiting waiting) {
  if (!waiting_.empty()) {
    waiting.index = std::max(waiting.index, waiting_.back().index);
  }
  waiting_.PushBack(std::move(waiting));
}

void CommitQueue::AddResult(LogIndex index, PendingAppend append,
                            const AppendResult& result) {
  Waiting waiting;
  waiting.index = index;
  waiting.append = std::move(append);
  waiting.result = result;
  Push(std::move(waiting));
}

void CommitQueue::AddRefusal(LogIndex index, PendingAppend append,
                             absl::Status refusal) {
  Waiting waiting;
  waiting.index = index;
  waiting.append = std::move(append);
  waiting.refusal = std::move(refusal);
  Push(std::move(waiting));
}

void CommitQueue::Add(LogIndex index, Continuation then) {
  Waiting waiting;
  waiting.index = index;
  waiting.then = std::move(then);
  Push(std::move(waiting));
}

void CommitQueue::Answer(Waiting waiting) {
  if (waiting.then) {
    waiting.then(absl::OkStatus());
  } else if (waiting.refusal.has_value()) {
    counters_->refusals.Count(*waiting.refusal);
    waiting.append.Answer(*std::move(waiting.refusal));
  } else {
    if (waiting.result.duplicate) counters_->duplicates.Add(1);
    waiting.append.Answer(waiting.result);
  }
}

void CommitQueue::OnCommitted(LogIndex committed) {
  while (!waiting_.empty() && waiting_.front().index <= committed) {
    Answer(waiting_.PopFront());
  }
}

void CommitQueue::FailAll(const absl::Status& status) {
  while (!waiting_.empty()) {
    Waiting waiting = waiting_.PopFront();
    if (waiting.then) {
      waiting.then(status);
    } else if (waiting.refusal.has_value()) {
      waiting.append.Answer(status);
    } else {
      waiting.append.Answer(
          MakeError(v1::ERROR_REASON_OUTCOME_UNKNOWN,
                    "the append was accepted and may or may not be committed"));
    }
  }
}

}  // namespace kappa::server
