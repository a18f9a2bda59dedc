// NodeDisk: the data directory of one simulated node.
#ifndef KAPPA_TESTS_SIMULATION_NODE_DISK_H_
#define KAPPA_TESTS_SIMULATION_NODE_DISK_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/generation_table.h"
#include "raft/open_history.h"
#include "raft/output.h"
#include "tests/simulation/replica_log.h"

namespace kappa::simulation {

struct StoredReplica {
  ReplicaId id;
  ReplicaLog log;
};

// What a node remembers of the others' disks (RELIABILITY.md S6).
struct PeerKnowledge {
  raft::GenerationTable generations;
  std::vector<Uuid> disks;  // last met, by node; zero for none
};

// What a directory holds after a number of cycles.
struct DiskImage {
  Uuid disk_id{};
  uint64_t cycle = 0;  // the newest one
  raft::OpenHistory opens;
  PeerKnowledge knowledge;
  // Directories that stood here before and were set aside.
  std::vector<Uuid> set_aside;
  std::vector<std::optional<StoredReplica>> replicas;  // by group
};

// One group commit: an atomic batch of all groups' writes.
struct Cycle {
  struct Write {
    uint32_t group;
    ReplicaId replica;
    raft::Persist persist;
  };
  // What was heard of another node's disk.
  struct Heard {
    size_t node;
    Uuid disk;
    raft::Generation generation;
  };
  uint64_t number = 0;
  std::vector<Write> writes;
  std::vector<Heard> heard;
  std::optional<raft::OpenHistory> opens;
};

// The log writer's contract (RELIABILITY.md S1, S2): writes gather while a
// cycle syncs; each cycle is one atomic batch; cycles become durable in their
// order; a crash loses a suffix of those that are not durable.
//
//   Write() --> [pending] --StartCycle()--> [in flight] --FinishCycle()-->
//   written                                                       durable
//
// Thread safety: thread-compatible.
class NodeDisk {
 public:
  NodeDisk(const Uuid& disk_id, size_t nodes, size_t groups);

  // What processes see, and what survives a crash.
  const DiskImage& written() const { return written_; }
  const DiskImage& durable() const { return durable_; }

  // An empty replica; durable at once.
  // Requires: there is none in that group.
  void CreateReplica(uint32_t group, ReplicaId id,
                     const raft::Configuration& first);
  // Destroys the replica of a group, and its writes under way.
  void DropReplica(uint32_t group);

  // A process opens the directory: draws `open_id` and puts a row in the next
  // cycle.
  void Open(uint64_t open_id);
  // Takes one write. Returns what does not fit the log, or nothing.
  std::string Write(uint32_t group, raft::Persist persist);
  // The write that was taken last. Requires: no cycle began since.
  const raft::Persist& newest_write() const { return pending_.back().persist; }
  // Another node's disk was heard of; goes with the next cycle, and makes none.
  void RecordEvidence(size_t node, const Uuid& disk,
                      const raft::Generation& generation);
  // `disk` stood here before; durable at once.
  void SetAside(const Uuid& disk);

  bool has_pending() const { return !pending_.empty() || open_pending_; }
  size_t in_flight() const { return in_flight_.size(); }
  // Hands what is pending to the device as one cycle.
  // Requires: has_pending().
  const Cycle& StartCycle();
  // The oldest cycle is durable. Requires: in_flight() > 0.
  // Returns it; `misfit` says what does not fit the durable log, or nothing.
  Cycle FinishCycle(std::string* misfit);
  // The newest cycle that was ever begun.
  uint64_t newest_cycle() const { return next_cycle_ - 1; }

  // The process ends after the `kept` oldest cycles in flight became durable,
  // unseen. Returns how many cycles are lost.
  // Requires: kept <= in_flight().
  size_t Crash(size_t kept);
  // An older copy is put back. Requires: nothing is pending or in flight.
  void Replace(DiskImage image);
  // The stored entry can no longer be read. Requires: it is durable.
  void Damage(uint32_t group, LogIndex index);

  // --- deliberate bugs of the owner ---

  // Entries of the oldest cycle in flight, or all of it, are left out of what
  // is durable.
  void LoseEntries();
  Cycle FinishLostCycle();
  void ForgetVotes();
  void CutAtDamage(uint32_t group);

 private:
  std::string ApplyTo(DiskImage* image, const Cycle& cycle);

  DiskImage written_;
  DiskImage durable_;
  std::vector<Cycle::Write> pending_;
  bool open_pending_ = false;
  std::vector<Cycle::Heard> heard_pending_;
  std::deque<Cycle> in_flight_;
  uint64_t next_cycle_ = 1;
};

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_NODE_DISK_H_
