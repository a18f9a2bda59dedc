// SafetyChecker: the properties that hold across all replicas of a group.
#ifndef KAPPA_TESTS_RAFT_SAFETY_CHECKER_H_
#define KAPPA_TESTS_RAFT_SAFETY_CHECKER_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/core.h"
#include "raft/entry.h"
#include "raft/message.h"
#include "raft/output.h"
#include "tests/raft/simulated_disk.h"

namespace kappa::raft {

// Watches everything that happens in one group and keeps the first breach of a
// property as text. Knows nothing of the core's code: it looks at what goes to
// disk and to the network, and at what is said to be committed. A quorum is
// that of the newest configuration in the log of the replica that reports, in a
// joint one a majority of both.
class SafetyChecker {
 public:
  // Empty while all properties hold.
  const std::string& breach() const { return breach_; }

  // One leader per term; it holds every entry committed in earlier terms, can
  // read all of its log, and voted for nobody else.
  void OnLeader(ReplicaId replica, const Core& core, const LogImage& written);
  // One content per (term, index), and one predecessor: log matching. A new
  // base agrees with what is committed.
  void OnWrite(ReplicaId replica, const Persist& persist,
               const LogImage& written);
  // What cannot be read is not sent.
  void OnEntrySent(ReplicaId replica, LogIndex index, const LogImage& written);
  // A replica gives one vote in a term. What a message promises is on the
  // sender's disk.
  void OnMessage(const Message& message, const LogImage& durable);
  // No two replicas differ at a committed index; a committed entry is durable
  // on a majority when it is first reported. `disks` are all replicas'.
  void OnCommit(ReplicaId replica, Term term, const CommitRange& range,
                const LogImage& written,
                const std::map<ReplicaId, const LogImage*>& disks);
  // After the output was handled: the core's log is the disk's, what it calls
  // durable is durable, and a configuration was changed only when the one
  // before, and an entry of the leader's term, were committed.
  void OnState(ReplicaId replica, const Core& core, const SimulatedDisk& disk);
  // A restarted single voter still holds what was committed.
  void OnRestart(ReplicaId replica, const LogImage& durable);
  // The replica was given this log, not by its core.
  void OnLoad(const LogImage& image);
  // The operator made this log the group's: what it lacks is given up.
  void OnRecoverAlone(const LogImage& written);
  // A read point includes everything committed before the request.
  void OnReadRequested(uint64_t id) { reads_[id] = highest_committed(); }
  void OnReadConfirmed(const ReadConfirmed& read);
  void OnReadRefused(uint64_t id) { reads_.erase(id); }

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
    Configuration configuration;
    friend bool operator==(const Content&, const Content&) = default;
  };

  struct Committed {
    EntryMeta entry;
    Term term;  // of the replica that was the first to report it
  };

  void Breach(const std::string& text);
  // Notes what an entry is; true if it was not known before.
  bool Learn(const EntryMeta& entry, const LogImage& image);
  void NoteVote(ReplicaId replica, Term term, ReplicaId vote);
  void CheckBase(ReplicaId replica, const LogBase& base);
  void CheckDurablePart(ReplicaId replica, const Core& core,
                        const SimulatedDisk& disk);
  void CheckChanges();
  bool CountedRightly(const LogImage& written, EntryId id,
                      const std::map<ReplicaId, const LogImage*>& disks) const;

  std::string breach_;
  std::map<Term, ReplicaId> leaders_;
  std::map<EntryId, Content> contents_;
  std::map<std::pair<ReplicaId, Term>, ReplicaId> votes_;
  std::map<LogIndex, Committed> committed_;
  std::map<ReplicaId, LogIndex> reported_;  // per replica, since its start
  std::map<uint64_t, LogIndex> reads_;
  // New configuration entries and the configuration entry (or base) before.
  std::vector<std::pair<EntryId, LogIndex>> changes_;
  bool recovering_ = false;  // the next change is the operator's
  LogIndex covered_;
};

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SAFETY_CHECKER_H_
