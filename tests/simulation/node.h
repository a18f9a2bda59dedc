// Node: a simulated process that owns one replica of each of its groups.
#ifndef KAPPA_TESTS_SIMULATION_NODE_H_
#define KAPPA_TESTS_SIMULATION_NODE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "kappa/raft/v1/greeting.pb.h"
#include "proto/wire/types.h"
#include "raft/core.h"
#include "tests/simulation/node_disk.h"
#include "tests/simulation/random_source.h"
#include "tests/simulation/world.h"

namespace kappa::simulation {

// The owner of cores, as raft/README.md asks for it: outputs are applied in
// their order, writes go through the disk's cycles, promises leave after the
// sync, messages travel encoded, and the process ends when a write fails. What
// a data directory knows of others' disks is told at the start of each
// connection; one that forgot is set aside (RELIABILITY.md S5, S6).
//
//   down --Start()--> opening --first cycle--> greeting --all met--> serving
//     ^                                                                 |
//     '------------------------- Crash() -------------------------------'
//
// Thread safety: thread-compatible.
class Node {
 public:
  Node(World* world, size_t index);

  size_t index() const { return index_; }
  const NodeDisk& disk() const { return disk_; }
  bool up() const { return state_ != State::kDown; }
  bool serving() const { return state_ == State::kServing; }
  bool paused() const { return paused_; }
  uint16_t process() const { return process_; }

  // The core of a group, or nullptr while the node does not serve one.
  raft::Core* core(uint32_t group) { return replicas_[group].core.get(); }
  const raft::Core* core(uint32_t group) const {
    return replicas_[group].core.get();
  }
  ReplicaId id(uint32_t group) const { return replicas_[group].id; }

  // --- the process ---

  // Requires: !up().
  void Start();
  // Ends the process. Of the cycles in flight the oldest `kept` become durable,
  // at most as many as there are.
  void Crash(size_t kept);
  void Pause();
  // Time that passed is told before anything else.
  void Resume();
  // Events of a paused process wait in their order.
  void Defer(const Event& event) { deferred_.push_back(event); }

  // --- events ---

  void OnTick();
  void OnPacket(const Packet& packet);
  void OnSync();
  void OnLateCompletion(uint32_t number);
  // Takes what the cores put out.
  void OnWork();
  void OnGreetingTimer();
  void OnNodeBeatTimer();
  void OnNodeBeat(size_t from, uint32_t its_process);
  // Reads everything that is stored; damage is found.
  void OnScrub();

  // --- inputs from clients and the operator; ignored unless serving ---

  void Propose(uint32_t group);
  void Read(uint32_t group);
  absl::Status ChangeConfiguration(uint32_t group,
                                   const raft::ConfigurationChange& change);
  absl::Status Transfer(uint32_t group, std::optional<ReplicaId> target);
  // Trims up to a random readable entry. False if there is none.
  bool Trim(uint32_t group, uint64_t choice);
  // The same up to where another replica trimmed; nothing if this one may not
  // yet.
  void TrimTo(uint32_t group, const raft::LogBase& base);
  // Creates the replica that the group's placement names. Requires: serving().
  void CreateReplica(uint32_t group);
  void DropReplica(uint32_t group);

  // --- faults of its parts ---

  // Slower or faster than true time, in parts per million.
  void SetClockDrift(int64_t ppm) { drift_ppm_ = ppm; }
  // Each sync takes this much longer.
  void SetSyncDelay(int64_t us) { sync_delay_us_ = us; }
  void SetDiskHealth(raft::DiskHealth health);
  raft::DiskHealth disk_health() const { return health_; }
  void FailNextSync() { fail_next_sync_ = true; }
  bool fails_soon() const { return fail_next_sync_; }
  void Damage(uint32_t group, LogIndex index) { disk_.Damage(group, index); }
  DiskImage CopyOfDisk() const { return disk_.durable(); }
  // Requires: !up().
  void ReplaceDisk(DiskImage image) { disk_.Replace(std::move(image)); }
  DiskImage EmptyDisk();
  // Whether this node knows more of that node's disk than `image` has.
  bool CanRefute(size_t node, const DiskImage& image) const;

 private:
  enum class State : uint8_t { kDown, kOpening, kGreeting, kServing };

  struct Replica {
    ReplicaId id;
    std::unique_ptr<raft::Core> core;
    bool dirty = false;
    bool quiescent = false;
    LogIndex readable;
    LogIndex last_before;  // where the log ended when output was last taken
    ReplicaView view;
  };
  struct Peer {
    uint64_t open_id = 0;  // that it greeted with; 0: not met
    Uuid disk{};
    int64_t heard_us = 0;
    bool alive = true;
    uint32_t process = 0;  // as its node beats told
  };
  struct LateCompletion {
    uint32_t group;
    ReplicaId replica;
    raft::PersistToken token;
  };

  // node.cc
  void Serve();
  void StartCore(uint32_t group);
  raft::CoreOptions OptionsOf(uint32_t group);
  void MarkDirty(uint32_t group);
  void SetAsideDisk();
  bool IsOwnEvidence(const raft::v1::Greeting& greeting) const;

  // node_output.cc
  void Drain(uint32_t group);
  void TakeWrites(uint32_t group, raft::Output* output);
  void TakeCommits(uint32_t group, const raft::Output& output);
  void TakeReads(uint32_t group, const raft::Output& output);
  void CheckPositions(uint32_t group);
  void UpdateView(uint32_t group);
  void LogRole(uint32_t group) const;
  void StartCycle();
  void Complete(uint32_t group, const raft::PersistToken& token);
  void ReportDamage(uint32_t group, LogIndex index);
  // Only for the mutant kStaleCompletion: late completions of the process
  // before are told, as late as right after a write of this one.
  void ReportFormer(uint32_t group);

  // node_network.cc
  void Send(uint32_t group, raft::Message* message);
  bool AddContents(uint32_t group, raft::Message* message);
  void SendGreeting(size_t to, bool answer);
  void OnGreeting(const Packet& packet);
  bool AcceptContents(uint32_t group, DecodedMessage* decoded);
  void LogMessage(const char* way, const raft::Message& message) const;
  void SetAlive(size_t node, bool alive);

  const ReplicaLog& WrittenLog(uint32_t group) const {
    return disk_.written().replicas[group]->log;
  }
  const ReplicaLog& DurableLog(uint32_t group) const {
    return disk_.durable().replicas[group]->log;
  }

  World& world_;
  const size_t index_;
  NodeDisk disk_;
  RandomSource random_;
  State state_ = State::kDown;
  bool paused_ = false;
  uint16_t process_ = 0;
  uint64_t open_id_ = 0;
  uint64_t disks_used_ = 1;
  int64_t serve_at_us_ = 0;
  std::vector<Replica> replicas_;  // by group
  std::vector<Peer> peers_;        // by node
  std::vector<uint32_t> dirty_;
  bool work_planned_ = false;
  std::vector<LateCompletion> late_;
  std::vector<LateCompletion> former_;  // of the process before
  std::vector<Event> deferred_;

  int64_t ticked_us_ = 0;  // time that was told to the cores
  int64_t drift_ppm_ = 0;
  int64_t sync_delay_us_ = 0;
  int64_t newest_sync_us_ = 0;
  bool fail_next_sync_ = false;
  raft::DiskHealth health_ = raft::DiskHealth::kHealthy;

  // Memory for encoding, reused.
  std::vector<uint64_t> content_numbers_;
  std::vector<std::string_view> contents_;
  std::string state_bytes_;
};

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_NODE_H_
