// GroupChecker: the properties that hold across all replicas of one group.
#ifndef KAPPA_TESTS_SIMULATION_GROUP_CHECKER_H_
#define KAPPA_TESTS_SIMULATION_GROUP_CHECKER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/entry.h"
#include "raft/message.h"
#include "raft/output.h"
#include "tests/simulation/breach.h"
#include "tests/simulation/replica_log.h"

namespace kappa::simulation {

// Where the durable logs are.
class DurableLogs {
 public:
  virtual ~DurableLogs() = default;
  // The log of a replica as its disk holds it, or nullptr if it has none.
  virtual const ReplicaLog* DurableLog(uint32_t group,
                                       ReplicaId replica) const = 0;
};

// Looks at what goes to disk and to the network and at what is called
// committed; knows nothing of the core's code. Each look costs no more than
// what happened: since a chain digest covers all that lies before it, one
// comparison stands for a whole prefix.
//
// Thread safety: thread-compatible.
class GroupChecker {
 public:
  GroupChecker(uint32_t group, const DurableLogs& logs, Breach* breach)
      : group_(group), logs_(logs), breach_(*breach) {}

  // One leader per term (Raft paper §5.2), and it holds every entry that was
  // committed in earlier terms (§5.4).
  void OnLeader(ReplicaId replica, Term term, const ReplicaLog& written);
  // A write was added to `written`: one content per (term, index) with one
  // history (§5.3); a leader never truncates; a base stands for what is
  // committed; the rules for configurations (dissertation §4.1, §4.3).
  void OnWrite(ReplicaId replica, bool leads, const raft::Persist& write,
               const ReplicaLog& written);
  // A message leaves: one vote a term; votes and acknowledgements are durable;
  // only the leader of a term sends entries; who forgot promises nothing.
  void OnSend(const raft::Message& message, const ReplicaLog& durable);
  // No two replicas differ at a committed index, and what is committed first
  // is durable on a majority (of both configurations while joint).
  // `last_before` is where the replica's log ended before the step.
  void OnCommit(ReplicaId replica, Term term, const raft::CommitRange& range,
                const ReplicaLog& written, LogIndex last_before);
  // All that came out of one step was looked at: what was appended in it may
  // rest on what was committed in it.
  void OnStepEnd();
  // A replica begins with its durable log.
  void OnRestart(ReplicaId replica, const ReplicaLog& durable);
  // A replica has lost what it held durably until now, all of it or the end.
  // From then on it must be silent; acknowledgements that left before still
  // count, since no property can hold against such a loss.
  void OnForgot(ReplicaId replica, const ReplicaLog& before) {
    forgotten_.emplace(replica, before);
  }
  bool HasForgotten(ReplicaId replica) const {
    return forgotten_.contains(replica);
  }

  // A number that no other proposal of the group has.
  uint64_t NewContent();
  // The proposal of `content` was taken as `id`, or refused for certain: it is
  // committed there and only there, or nowhere.
  void OnProposed(uint64_t content, std::optional<raft::EntryId> id);

  // A read point includes everything committed before the request.
  void OnReadRequested(uint64_t id) { reads_[id] = highest_committed(); }
  void OnReadConfirmed(const raft::ReadConfirmed& read);

  uint64_t reads_answered() const { return reads_answered_; }

  // Whether a majority of the configuration's voters, of both halves while
  // joint, holds the entry durably.
  bool DurableOnMajority(const raft::Configuration& configuration,
                         LogIndex index, uint64_t chain) const;

  LogIndex highest_committed() const { return LogIndex(committed_.size()); }
  // Up to and including a committed index. Requires: it is committed.
  uint64_t CommittedChain(LogIndex index) const {
    return committed_[index.value() - 1].chain;
  }
  uint64_t leader_changes() const { return leaders_.size(); }
  uint64_t configurations_finished() const { return configurations_finished_; }

 private:
  struct Variant {
    Term term;
    uint64_t chain = 0;
  };
  struct Committed {
    uint64_t chain = 0;
    Term entry_term;
    Term first_reported_in;
  };
  enum class Outcome : uint8_t { kUnknown, kTaken, kRefused };
  struct Proposal {
    Outcome outcome = Outcome::kUnknown;
    raft::EntryId id;
    LogIndex committed_at;
  };

  struct NewConfiguration {
    ReplicaId replica;
    raft::EntryId id;
    LogIndex before;
  };

  void Report(const std::string& text);
  void CheckEntry(ReplicaId replica, LogIndex index, const ReplicaLog& written);
  void CheckBase(ReplicaId replica, const raft::LogBase& base);
  void CheckConfiguration(ReplicaId replica, LogIndex index,
                          const ReplicaLog& written);
  bool HasCommittedIn(Term term) const;
  void CheckVote(const raft::Message& message, const ReplicaLog& durable);
  void AddCommitted(ReplicaId replica, Term term, LogIndex index,
                    const LogEntry& entry);
  bool HasMajority(const std::vector<ReplicaId>& voters, LogIndex index,
                   uint64_t chain) const;

  const uint32_t group_;
  const DurableLogs& logs_;
  Breach& breach_;

  std::vector<Variant> first_variants_;  // by index - 1
  std::map<std::pair<LogIndex, Term>, uint64_t> other_variants_;
  std::vector<Committed> committed_;  // by index - 1
  std::map<ReplicaId, LogIndex> reported_;
  std::map<Term, ReplicaId> leaders_;
  std::map<std::pair<ReplicaId, Term>, ReplicaId> votes_;
  std::map<ReplicaId, ReplicaLog> forgotten_;
  std::vector<Proposal> proposals_;  // by content - 1
  std::unordered_map<uint64_t, LogIndex> reads_;
  uint64_t reads_answered_ = 0;
  std::vector<NewConfiguration> new_configurations_;  // in this step
  uint64_t configurations_finished_ = 0;
};

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_GROUP_CHECKER_H_
