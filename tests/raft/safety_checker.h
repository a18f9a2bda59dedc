// SafetyChecker: the properties that hold across all replicas of a group.
#ifndef KAPPA_TESTS_RAFT_SAFETY_CHECKER_H_
#define KAPPA_TESTS_RAFT_SAFETY_CHECKER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proto/wire/types.h"
#include "raft/core.h"
#include "raft/entry.h"
#include "raft/output.h"
#include "tests/raft/simulated_disk.h"

namespace kappa::raft {

// Watches everything that happens in one group and keeps the first breach of a
// property as text. Knows nothing of the core's code: it looks at what goes to
// disk and to the network, and at what is said to be committed.
class SafetyChecker {
 public:
  explicit SafetyChecker(Configuration configuration)
      : configuration_(std::move(configuration)) {}

  // Empty while all properties hold.
  const std::string& breach() const { return breach_; }

  // One leader per term; it holds every entry committed in earlier terms.
  void OnLeader(ReplicaId replica, const Core& core, const LogImage& written);
  // One content per (term, index), and one predecessor: log matching.
  void OnWrite(const Persist& persist, const LogImage& written);
  // A replica gives one vote in a term.
  void OnMessage(const Message& message);
  // No two replicas differ at a committed index; a committed entry is durable
  // on a majority when it is first reported. `disks` are all replicas'.
  void OnCommit(ReplicaId replica, Term term, const CommitRange& range,
                const LogImage& written,
                const std::map<ReplicaId, const LogImage*>& disks);
  // A restarted single voter still holds what was committed.
  void OnRestart(ReplicaId replica, const LogImage& durable);
  // The owner replaced a log: entries up to `base` are its state's business.
  void OnInstallBase(ReplicaId replica, LogIndex base);
  // A read point includes everything committed before the request.
  void OnReadRequested(uint64_t id) { reads_[id] = highest_committed(); }
  void OnReadConfirmed(const ReadConfirmed& read);

  // Up to here is committed, by what any replica reported.
  LogIndex highest_committed() const {
    return committed_.empty() ? covered_
                              : std::max(covered_, committed_.rbegin()->first);
  }
  uint64_t commits() const { return committed_.size(); }
  uint64_t terms_led() const { return leaders_.size(); }

 private:
  struct Content {
    Term previous_term;
    EntryKind kind;
    EntryHandle handle;
    friend bool operator==(const Content&, const Content&) = default;
  };

  struct Committed {
    EntryMeta entry;
    Term term;  // of the replica that was the first to report it
  };

  void Breach(const std::string& text);
  bool DurableOnMajority(
      EntryId id, const std::map<ReplicaId, const LogImage*>& disks) const;

  Configuration configuration_;
  std::string breach_;
  std::map<Term, ReplicaId> leaders_;
  std::map<EntryId, Content> contents_;
  std::map<std::pair<ReplicaId, Term>, ReplicaId> votes_;
  std::map<LogIndex, Committed> committed_;
  std::map<ReplicaId, LogIndex> reported_;  // per replica, since its start
  std::map<uint64_t, LogIndex> reads_;
  LogIndex covered_;
};

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SAFETY_CHECKER_H_
