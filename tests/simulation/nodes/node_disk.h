// NodeDisk: what a node stores, and what goes wrong with it.
#ifndef KAPPA_TESTS_SIMULATION_NODES_NODE_DISK_H_
#define KAPPA_TESTS_SIMULATION_NODES_NODE_DISK_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "storage/log_store.h"
#include "storage/memory_log_store.h"
#include "tests/simulation/nodes/durable_watch.h"
#include "tests/simulation/nodes/world.h"

namespace kappa::node_simulation {

// Outlives the processes that work on it.
//
// Thread safety: thread-compatible.
class NodeDisk {
 public:
  NodeDisk(World* world, DurableWatch* watch, NodeId node)
      : world_(world), watch_(watch), node_(node) {}

  // What the disk holds.
  const storage::MemoryLogStore& stored() const { return *store_; }
  // A store on it for a new process.
  std::unique_ptr<storage::LogStore> Open();
  // Writes of the process that works on it change nothing any more.
  void Detach() { attached_ = false; }
  // What is left when the process dies.
  void LoseUnsynced();

  // The next commit fails: after it was written, or without.
  bool fails_after_write = false;
  bool fails = false;

 private:
  class View;
  using Change = std::function<absl::Status(storage::MemoryLogStore*)>;

  absl::Status Commit(absl::Span<const storage::GroupWrite> writes);
  absl::Status Refused() const;
  // With the mutant: remembers what may have to be done again.
  void Remember(Change change);

  World* const world_;
  DurableWatch* const watch_;
  const NodeId node_;
  std::shared_ptr<storage::MemoryLogStore> store_ =
      std::make_shared<storage::MemoryLogStore>();
  bool attached_ = false;
  // Only with Mutant::kAcknowledgeBeforeSync: all changes, of which the last
  // cycle is not synced.
  std::vector<Change> journal_;
};

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_NODE_DISK_H_
