// TransferWaiters: who waits for the leadership of a group to move.
#ifndef KAPPA_SERVER_TRANSFER_WAITERS_H_
#define KAPPA_SERVER_TRANSFER_WAITERS_H_

#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "server/group_log.h"

namespace kappa::server {

// Who leads a group, in which term.
struct GroupLeader {
  NodeId node;
  Term term;
};

// Thread safety: thread-compatible.
class TransferWaiters {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<GroupLeader>)>;

  // Asks the log to hand leadership to the replica on `node`, or to the best
  // one; `done` gets who leads then. A node that leads already is an answer.
  // Errors (to `done`): NOT_LEADER; TRANSFER_REFUSED: `node` does not vote, or
  // said that it should not lead, another transfer is under way, no voter is
  // heard, or the chosen one did not take over.
  void Begin(std::optional<NodeId> node, GroupLog* log, Done done);
  // What the log told.
  void OnProgress(const GroupLog::Progress& progress, const GroupLog& log);
  void FailAll(const absl::Status& status);

 private:
  std::vector<Done> waiting_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TRANSFER_WAITERS_H_
