#include "server/transfer_waiters.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

absl::Status Refused(const std::string& why) {
  return MakeError(v1::ERROR_REASON_TRANSFER_REFUSED, why);
}

// The voter on `node`.
std::optional<ReplicaId> VoterOn(NodeId node, const GroupLog& log) {
  const std::vector<ReplicaId>& voters = log.configuration().voters;
  const auto found = std::find_if(
      voters.begin(), voters.end(),
      [node](const ReplicaId& voter) { return voter.node == node; });
  if (found == voters.end()) return std::nullopt;
  return *found;
}

}  // namespace

void TransferWaiters::Begin(std::optional<NodeId> node, GroupLog* log,
                            Done done) {
  const std::optional<ReplicaId> leader = log->leader();
  if (node.has_value() && leader.has_value() && leader->node == *node) {
    return done(GroupLeader{*node, log->term()});
  }
  if (!log->leads()) return done(log->NotLeader());
  std::optional<ReplicaId> target;
  if (node.has_value()) {
    target = VoterOn(*node, *log);
    if (!target.has_value()) {
      return done(Refused(absl::StrCat("node ", node->value(),
                                       " has no voting replica of group ",
                                       log->group().value())));
    }
  }
  if (target.has_value() && log->IsUnfit(*target)) {
    return done(Refused(absl::StrCat(
        "node ", node->value(), " should not lead: its disk is full or slow, ",
        "its clock is off, entries are damaged, or it shuts down")));
  }
  const absl::Status begun = log->TransferLeadership(target);
  if (!begun.ok()) return done(Refused(std::string(begun.message())));
  waiting_.push_back(std::move(done));
}

void TransferWaiters::OnProgress(const GroupLog::Progress& progress,
                                 const GroupLog& log) {
  if (waiting_.empty()) return;
  const std::optional<ReplicaId> leader = log.leader();
  if (log.leads()) {
    // Not over yet, or over in vain.
    if (progress.transfer_ended == raft::TransferResult::kTimedOut) {
      FailAll(Refused("the other replica did not take over in time"));
    } else if (progress.transfer_ended.has_value() ||
               progress.lost_leadership) {
      FailAll(Refused("the transfer was given up"));
    }
  } else if (leader.has_value()) {
    std::vector<Done> waiting = std::exchange(waiting_, {});
    for (Done& done : waiting) done(GroupLeader{leader->node, log.term()});
  }
}

void TransferWaiters::FailAll(const absl::Status& status) {
  std::vector<Done> waiting = std::exchange(waiting_, {});
  for (Done& done : waiting) done(status);
}

}  // namespace kappa::server
