// NodeDisk: what a node stores, and what goes wrong with it.
#ifndef KAPPA_TESTS_SIMULATION_NODES_NODE_DISK_H_
#define KAPPA_TESTS_SIMULATION_NODES_NODE_DISK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "proto/wire/types.h"
#include "storage/cycle_row.h"
#include "storage/generation_ledger.h"
#include "storage/log_store.h"
#include "storage/memory_log_store.h"
#include "tests/simulation/nodes/durable_watch.h"
#include "tests/simulation/nodes/world.h"

namespace kappa::node_simulation {

// Outlives the processes that work on it. Keeps generations (RELIABILITY.md S6)
// as the real store does: a row for each open, evidence in the ordinary cycle.
//
// Thread safety: thread-compatible.
class NodeDisk {
 public:
  NodeDisk(World* world, DurableWatch* watch, NodeId node)
      : world_(world), watch_(watch), node_(node) {}

  // What the disk holds.
  const storage::MemoryLogStore& stored() const { return *content_.store; }
  // A store on it for a new process.
  std::unique_ptr<storage::LogStore> Open();
  // Writes of the process that works on it change nothing any more.
  void Detach() { attached_ = false; }
  // What is left when the process dies.
  void LoseUnsynced();
  // Nothing is left. Requires: no process works on it; so for PutBack.
  void Wipe();
  // A writer without work makes cycles for evidence alone. Errors: as the real
  // store's.
  absl::Status CommitIdle();

  // All that it held at one time.
  struct Image;
  std::shared_ptr<const Image> TakeImage() const;
  void PutBack(const Image& image);
  // Whether it holds evidence of more of the disk `id` than `image` has.
  bool RemembersMore(const Uuid& id, const Image& image) const;

  // The next commit fails: after it was written, or without.
  bool fails_after_write = false;
  bool fails = false;

 private:
  class View;
  using Change = std::function<absl::Status(storage::MemoryLogStore*)>;

  struct Content {
    std::shared_ptr<storage::MemoryLogStore> store =
        std::make_shared<storage::MemoryLogStore>();
    uint64_t cycle = 0;  // the newest one
    std::vector<storage::OpenRow> opens;
    storage::EvidenceRows evidence;
    // Only with Mutant::kAcknowledgeBeforeSync: all changes, of which the last
    // cycle is not synced.
    std::vector<Change> journal;
  };

  absl::Status Commit(absl::Span<const storage::GroupWrite> writes);
  absl::Status Refused() const;
  // A cycle holds what was just written.
  void WriteCycle();
  // With the mutant: remembers what may have to be done again.
  void Remember(Change change);

  World* const world_;
  DurableWatch* const watch_;
  const NodeId node_;
  Content content_;
  storage::GenerationLedger* ledger_ = nullptr;  // of the newest View
  bool attached_ = false;
  int64_t written_us_ = 0;
};

struct NodeDisk::Image {
  Content content;
};

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_NODE_DISK_H_
