// ScriptedCluster: the replicas of one group, moved only as a scenario says.
#ifndef KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_SCRIPTED_CLUSTER_H_
#define KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_SCRIPTED_CLUSTER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/core.h"
#include "raft/core_options.h"
#include "raft/message.h"
#include "raft/output.h"
#include "tests/raft/safety_checker.h"
#include "tests/raft/scenarios/runner/notation.h"
#include "tests/raft/scenarios/runner/scripted_network.h"
#include "tests/raft/simulated_disk.h"

namespace kappa::raft {

// Something that a core told its owner.
struct Event {
  enum class Kind : uint8_t { kCommit, kRead, kTransfer };
  Kind kind;
  std::string text;  // as expectations write it
};

// One replica: its disk, and its core while the process lives.
struct ScriptedReplica {
  ScriptedReplica(ReplicaId own_id, const Configuration& first)
      : id(own_id), disk(first) {}
  ReplicaId id;
  SimulatedDisk disk;
  std::optional<Core> core;
  bool destroyed = false;  // the disk is gone: it never starts again
  // Writes wait for the scenario; otherwise they are durable, and reported, at
  // once.
  bool disk_held = false;
  std::vector<PersistToken> completions;  // durable, not reported yet
  std::optional<PersistToken> newest_durable;
  std::vector<Event> events;
};

// The owner's part of the contract with the core. After every input the core's
// invariants are checked, its output is taken, and everything goes by the
// SafetyChecker. Nothing else happens by itself: no time passes and no message
// arrives.
class ScriptedCluster {
 public:
  Labels& labels() { return labels_; }
  ScriptedNetwork& network() { return network_; }
  const ScriptedNetwork& network() const { return network_; }

  // --- making ---

  // For one replica, or for all that have no value of their own. Counts from
  // the replica's next start.
  absl::Status SetOption(std::optional<ReplicaId> replica,
                         absl::string_view assignment);
  CoreOptions OptionsOf(ReplicaId replica) const;
  bool created() const { return checker_.has_value(); }
  // Starts every member of the group's first configuration.
  // Requires: !created().
  void Create(const Configuration& first);
  // Starts one more fresh replica, which knows the first configuration.
  // Requires: it does not exist.
  void Join(ReplicaId replica);
  // Starts a replica anew on another durable log.
  void SetLog(ReplicaId replica, const LogImage& image);

  // --- looking ---

  // The replica, or nullptr.
  ScriptedReplica* Find(ReplicaId replica);
  const ScriptedReplica* Find(ReplicaId replica) const;
  // All, ascending; those with a living process.
  std::vector<ReplicaId> All() const;
  std::vector<ReplicaId> Living() const;
  // The leader of the latest term, if any.
  std::optional<ReplicaId> Leader() const;
  // The first broken property, or "".
  const std::string& breach() const;

  // --- inputs of one living replica ---

  // Calls `input` with the core, checks and takes the output.
  // Requires: the replica lives.
  template <typename Input>
  auto Apply(ReplicaId replica, Input input) {
    Core& core = *Find(replica)->core;
    struct Finish {
      ScriptedCluster* cluster;
      ReplicaId replica;
      ~Finish() { cluster->FinishInput(replica); }
    } finish{this, replica};
    return input(core);
  }
  void Read(ReplicaId replica, uint64_t id);
  // The disk finds that an entry cannot be read any more.
  void Damage(ReplicaId replica, LogIndex index);
  // The owner's failure detector, and what its disk can do.
  void TellLiveness(ReplicaId replica, NodeId node, bool alive);
  void TellHealth(ReplicaId replica, DiskHealth health);
  // Every node is alive again, every disk healthy.
  void EndTold();
  // The operator gives up what the others may hold.
  absl::Status RecoverAlone(ReplicaId replica);
  // Trims up to `index`; the state up to there has `state_bytes`.
  absl::Status Trim(ReplicaId replica, LogIndex index, uint64_t state_bytes);
  absl::Status InstallBase(ReplicaId replica, const LogBase& base);

  // --- storage ---

  void HoldDisk(ReplicaId replica) { Find(replica)->disk_held = true; }
  // Makes everything durable, reports it, and holds no more.
  void FreeDisk(ReplicaId replica);
  // Makes the oldest write durable: its messages leave, its completion waits.
  // Returns false if there is none.
  bool Sync(ReplicaId replica);
  // Reports the completion at `position`; it waits on if `keep`.
  // Requires: it exists.
  void Complete(ReplicaId replica, size_t position, bool keep);
  // The write fails: nothing more becomes durable, and the core is halted.
  void FailWrites(ReplicaId replica);
  // The process dies after the oldest `synced_first` writes became durable.
  void Crash(ReplicaId replica, size_t synced_first);
  // Requires: dead and not destroyed.
  void Restart(ReplicaId replica);
  void Destroy(ReplicaId replica);

  // --- network ---

  // Gives a message to its receiver, or to the replica that took its place on
  // the node; to nobody if neither lives.
  void Deliver(const Message& message);
  // Delivers all that is due, to `only` if that is not empty, until nothing
  // moves. Returns false if it does not end.
  bool Settle(const std::set<ReplicaId>& only = {});

 private:
  void FinishInput(ReplicaId replica);
  void Start(ScriptedReplica& replica);
  void Handle(ScriptedReplica& replica, const Output& output);
  void Write(ScriptedReplica& replica, const Persist& persist);
  void Send(ScriptedReplica& replica, const Message& message);
  void FillEntries(const ScriptedReplica& replica, Message& message);
  void CheckInvariants(const ScriptedReplica& replica);

  Labels labels_;
  ScriptedNetwork network_;
  CoreOptions options_;
  std::vector<std::pair<ReplicaId, std::string>> own_options_;
  Configuration first_;
  std::optional<SafetyChecker> checker_;
  std::string breach_;  // of the owner's side of the contract
  std::map<ReplicaId, std::unique_ptr<ScriptedReplica>> replicas_;
  std::map<ReplicaId, const LogImage*> disks_;
  std::set<std::pair<ReplicaId, NodeId>> told_silent_;
  std::set<ReplicaId> told_unhealthy_;
  uint64_t starts_ = 0;
};

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_SCRIPTED_CLUSTER_H_
