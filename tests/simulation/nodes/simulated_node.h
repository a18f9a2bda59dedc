// SimulatedNode: one node of a run: its disk, its clock, and the process that
// lives for a while.
#ifndef KAPPA_TESTS_SIMULATION_NODES_SIMULATED_NODE_H_
#define KAPPA_TESTS_SIMULATION_NODES_SIMULATED_NODE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/functional/function_ref.h"
#include "proto/wire/types.h"
#include "server/disk_guard.h"
#include "server/identity.h"
#include "server/local_node.h"
#include "server/node_directory.h"
#include "server/shard_group.h"
#include "tests/simulation/nodes/durable_watch.h"
#include "tests/simulation/nodes/node_disk.h"
#include "tests/simulation/nodes/node_switch.h"
#include "tests/simulation/nodes/node_turns.h"
#include "tests/simulation/nodes/world.h"

namespace kappa::node_simulation {

// Thread safety: thread-compatible.
class SimulatedNode {
 public:
  // `run_world` makes a step of time pass.
  SimulatedNode(World* world, NodeSwitch* network, DurableWatch* watch,
                std::function<void()> run_world, server::NodeInfo self,
                const server::Identity& identity);
  ~SimulatedNode();

  NodeId id() const { return self_.node; }
  const server::NodeInfo& self() const { return self_; }
  const NodeDisk& disk() const { return disk_; }

  // Null while no process serves.
  server::LocalNode* node() { return node_.get(); }
  bool up() const { return node_ != nullptr; }
  bool paused() const { return paused_; }
  // It has a new, empty disk and waits to be taken in with it.
  bool homeless() const { return homeless_; }
  // An older image of its disk was put back, and it did not start since.
  const NodeDisk::Image* put_back() const { return put_back_.get(); }
  // Which process of the node it is; another one after each start and end.
  uint64_t process() const { return process_; }

  // Time passes while it meets others; it is homeless(), and not up, if they
  // remember more of its disk than that holds, and neither if it died.
  // Requires: !up(), !homeless().
  void Start();
  // Its disk is lost, or as it was once. Requires: !up(), disk().
  void LoseDisk();
  void PutBack(std::shared_ptr<const NodeDisk::Image> image);
  // It was taken in with its new disk. Requires: homeless().
  void TakeIn(const server::NodeInfo& self, const server::Identity& identity);
  // The process ends in this moment; with `cycle_written` what its log writer
  // had queued is on the disk all the same. Requires: up().
  void Kill(bool cycle_written);
  // A planned end; time passes. Requires: up(), not paused.
  void ShutDown();
  void SetPaused(bool paused);
  void SetSyncUsMax(int64_t us) { turns_.sync_us_max = us; }
  void FailNextSync(bool after_write);
  // How full its disk is; of 1,000 bytes below 100 is low, below 50 critical.
  void SetFreeBytes(uint64_t bytes);

  // Called once, in the next step in which it meets others as it starts; null:
  // nothing is.
  void AtNextMeeting(std::function<void()> run) {
    at_meeting_ = std::move(run);
  }
  bool meeting() const { return starting_ && !dying_; }
  // The process ends in this moment, before it serves anybody: it is down when
  // Start returns. Requires: meeting().
  void DieMeeting();

  // A step of time. True: the process ends, since a sync failed, or since its
  // disk turned out to have forgotten something.
  bool Step();
  // Looks at all groups that are awake.
  void ForEachGroup(
      absl::FunctionRef<void(const server::ShardGroup&)> look) const;

  NodeClock clock;

 private:
  World* const world_;
  NodeSwitch* const network_;
  server::NodeInfo self_;
  server::Identity identity_;
  NodeDisk disk_;
  NodeTurns turns_;
  uint64_t free_bytes_ = 1'000;
  std::unique_ptr<server::DiskGuard> guard_;
  std::unique_ptr<server::LocalNode> node_;
  uint64_t process_ = 0;
  bool paused_ = false;
  bool failed_ = false;
  bool forgot_ = false;    // it was told so while it served
  bool starting_ = false;  // and meets others
  bool dying_ = false;     // while it does
  bool ending_ = false;
  bool homeless_ = false;
  std::shared_ptr<const NodeDisk::Image> put_back_;
  std::function<void()> at_meeting_;
};

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_SIMULATED_NODE_H_
