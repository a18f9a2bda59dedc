// LogPoller: clients that read.
#ifndef KAPPA_TESTS_SIMULATION_NODES_LOG_POLLER_H_
#define KAPPA_TESTS_SIMULATION_NODES_LOG_POLLER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "server/node.h"
#include "tests/simulation/nodes/client.h"

namespace kappa::node_simulation {

// The batches of a chunk, as the checker takes them.
std::vector<checker::EventBatch> BatchesOf(const server::ReadChunk& chunk);

// Follows one partition for ever, piece by piece, or replays one after the
// other from the beginning to the end; goes on elsewhere when a node fails.
//
// Thread safety: thread-compatible.
class LogPoller final : public Client {
 public:
  LogPoller(Surroundings* around, uint64_t process, bool replays)
      : Client(around, process), replays_(replays) {}

  void Step() override;
  bool idle() const override { return !read_.under_way(); }

 private:
  void Begin();
  void Take();
  void OnChunk(const server::ReadChunk& chunk);
  void OnFailure(const absl::Status& status);

  const bool replays_;
  std::optional<Place> place_;
  uint64_t position_ = 0;
  bool begun_ = false;      // something was read of the place
  bool operation_ = false;  // one is under way
  uint64_t op_ = 0;
  SimulatedNode* asked_ = nullptr;
  Ask<server::ReadChunk> read_;
};

// Asks for ends, linearizable, of any partition at any node.
//
// Thread safety: thread-compatible.
class EndAsker final : public Client {
 public:
  using Client::Client;

  void Step() override;
  bool idle() const override { return !end_.under_way(); }

 private:
  uint64_t op_ = 0;
  SimulatedNode* asked_ = nullptr;
  Ask<server::PartitionEnd> end_;
};

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_LOG_POLLER_H_
