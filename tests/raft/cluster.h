// Cluster: replicas of one group on simulated disks and a simulated network.
#ifndef KAPPA_TESTS_RAFT_CLUSTER_H_
#define KAPPA_TESTS_RAFT_CLUSTER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "raft/core.h"
#include "tests/raft/safety_checker.h"
#include "tests/raft/simulated_disk.h"

namespace kappa::raft {

struct ClusterOptions {
  size_t voters = 1;
  size_t outsiders = 0;  // further replicas, not members at first
  uint64_t seed = 0;
  CoreOptions core;  // self and group are set for each replica

  // Deliberate bugs of the owner, to show that the properties see them.
  bool mutant_reports_before_sync = false;   // completions before the sync
  bool mutant_promises_before_sync = false;  // messages_after leave at once
  bool mutant_forgets_vote = false;          // a crash loses the vote
};

// The owner's part of the contract with the core, one step at a time, in
// whatever order a test wants: nothing happens by itself. After every input the
// core's invariants are checked, and what comes out goes to the SafetyChecker.
class Cluster {
 public:
  explicit Cluster(const ClusterOptions& options);

  size_t size() const { return replicas_.size(); }
  // Requires: alive(i).
  Core& core(size_t i) { return *replicas_[i].core; }
  bool alive(size_t i) const { return replicas_[i].core.has_value(); }
  const SimulatedDisk& disk(size_t i) const { return replicas_[i].disk; }
  SafetyChecker& checker() { return checker_; }

  // --- inputs of one living replica ---

  void Tick(size_t i);
  void Campaign(size_t i);
  absl::StatusOr<EntryId> Propose(size_t i, uint64_t payload_bytes);
  void Read(size_t i);
  // Durable on return, as the state that goes with it.
  absl::Status InstallBase(size_t i, const LogBase& base);
  // Trims the log up to `index`; the owner keeps `state_bytes` of state.
  absl::Status Trim(size_t i, LogIndex index, uint64_t state_bytes);
  // The entry cannot be read any more, neither now nor after a restart.
  void Damage(size_t i, LogIndex index);
  // Takes the output, hands writes to the disk and messages to the network.
  void Drain(size_t i);

  // --- storage ---

  // Makes the oldest write durable; its messages leave, its completion waits.
  // Returns false if there is none.
  bool Sync(size_t i);
  size_t completions(size_t i) const { return replicas_[i].completions.size(); }
  // Reports a waiting completion. It is forgotten, unless `keep`.
  void Complete(size_t i, size_t position, bool keep);
  // Forgets a completion; one of a later write stands for it.
  void LoseCompletion(size_t i, size_t position);
  // The process dies after the oldest `synced_first` writes became durable.
  void Crash(size_t i, size_t synced_first);
  void Restart(size_t i);

  // --- network ---

  size_t in_flight() const { return network_.size(); }
  // Delivers a message, unless its way is cut or its target is dead. It is
  // forgotten, unless `keep`.
  void Deliver(size_t position, bool keep);
  void Drop(size_t position);
  void Cut(size_t from, size_t to, bool cut) { cut_[{from, to}] = cut; }
  // Cuts every way from and to a replica, or heals it.
  void Isolate(size_t i, bool cut);

  // Restarts everything, heals the network, reports each replica's newest
  // completion (a lost one may have been the last) and lets time pass until
  // there is one leader, which takes proposals, all replicas have the same log,
  // all of it is committed, and every damaged entry is repaired.
  // Returns false if that takes more than `ticks_max` ticks.
  bool Converge(size_t ticks_max);
  // Everything that is due without time passing: syncs, completions, messages.
  void Settle();
  // Settles, then a tick of every living replica; as often as asked for.
  void Run(size_t ticks);
  // The replica that leads in the highest term, if any.
  std::optional<size_t> Leader();

  // A digest of everything that came out, for comparing two runs.
  uint64_t trace() const { return trace_; }
  uint64_t reads_confirmed() const { return reads_confirmed_; }
  uint64_t reads_refused() const { return reads_refused_; }

 private:
  struct Replica {
    explicit Replica(const Configuration& configuration)
        : disk(configuration) {}
    ReplicaId id;
    SimulatedDisk disk;
    std::optional<Core> core;
    std::vector<PersistToken> completions;
    std::optional<PersistToken> newest_synced;
  };

  CoreOptions OptionsOf(size_t i) const;
  void Handle(size_t i, const Persist& persist);
  void Send(size_t i, const Message& message);
  void Trace(uint64_t value);
  bool Converged();

  ClusterOptions options_;
  std::vector<Replica> replicas_;
  SafetyChecker checker_;
  std::map<ReplicaId, const LogImage*> disks_;
  std::vector<Message> network_;
  std::map<std::pair<size_t, size_t>, bool> cut_;
  uint64_t restarts_ = 0;
  uint64_t next_handle_ = 1;
  uint64_t next_read_ = 1;
  uint64_t trace_ = 0;
  uint64_t reads_confirmed_ = 0;
  uint64_t reads_refused_ = 0;
};

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_CLUSTER_H_
