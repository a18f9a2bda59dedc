// CommitQueue: answers that wait until what they rest on is committed.
#ifndef KAPPA_SERVER_COMMIT_QUEUE_H_
#define KAPPA_SERVER_COMMIT_QUEUE_H_

#include <cstddef>
#include <optional>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "server/append_budget.h"
#include "server/node.h"
#include "server/ring_queue.h"
#include "server/shard_counters.h"

namespace kappa::server {

// An append on its way: where its answer goes, and its part of the budget.
struct PendingAppend {
  Node::Callback<AppendResult> done;
  AppendBudget::Permit permit;

  // Once; gives the permit back first.
  void Answer(absl::StatusOr<AppendResult> answer) {
    permit = AppendBudget::Permit();
    done(std::move(answer));
  }
};

// First in, first out: an answer never overtakes one that was queued before it.
//
// Thread safety: thread-compatible.
class CommitQueue {
 public:
  using Continuation = absl::AnyInvocable<void(const absl::Status&)>;

  // `counters` must outlive this.
  explicit CommitQueue(ShardCounters* counters) : counters_(counters) {}

  // Answers `append` with `result` once `index` is committed.
  void AddResult(LogIndex index, PendingAppend append,
                 const AppendResult& result);
  // Refuses `append` with `refusal` once `index` is committed.
  void AddRefusal(LogIndex index, PendingAppend append, absl::Status refusal);
  // Calls `then` with OK once `index` is committed.
  void Add(LogIndex index, Continuation then);

  // Everything up to `committed` is committed.
  void OnCommitted(LogIndex committed);
  // Leaves nothing behind: results get OUTCOME_UNKNOWN, all others `status`.
  void FailAll(const absl::Status& status);

  bool empty() const { return waiting_.empty(); }

 private:
  struct Waiting {
    LogIndex index;
    PendingAppend append;
    AppendResult result;
    std::optional<absl::Status> refusal;
    Continuation then;  // instead of `append`
  };

  void Push(Waiting waiting);
  void Answer(Waiting waiting);

  ShardCounters* const counters_;
  RingQueue<Waiting> waiting_;  // indexes do not fall
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_COMMIT_QUEUE_H_
