// NodeTurns: gives the workers of one node their turns.
#ifndef KAPPA_TESTS_SIMULATION_NODES_NODE_TURNS_H_
#define KAPPA_TESTS_SIMULATION_NODES_NODE_TURNS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "proto/wire/turn_runner.h"
#include "server/shard.h"
#include "tests/simulation/nodes/world.h"

namespace kappa::node_simulation {

// How what waits for the workers goes on.
enum class Waiting {
  kTimeStands,  // the node opens: its workers run until it holds
  kWorldRuns,   // a planned end: simulated time passes for all
  kNever,       // the process dies: nothing is waited for
};

// Thread safety: thread-compatible.
class NodeTurns final : public TurnRunner {
 public:
  // `run_world` makes a step of simulated time pass.
  NodeTurns(World* world, std::function<void()> run_world)
      : world_(world), run_world_(std::move(run_world)) {}

  void Add(const void* owner, TurnKind kind, Turn turn) override;
  void Remove(const void* owner) override;
  bool RunUntil(const std::function<bool()>& holds,
                std::optional<int64_t> timeout_us) override;

  // A step of time: in an order that is drawn, everyone who is not busy.
  void Step();
  // The log writer commits what is queued, whatever time it is.
  void RunWriter();
  const std::vector<const server::Shard*>& shards() const { return shards_; }

  Waiting waiting = Waiting::kTimeStands;
  int64_t sync_us_max = 2'000;

 private:
  struct Worker {
    const void* owner;
    TurnKind kind;
    Turn turn;
    int64_t free_at_us = 0;
  };

  // How long it is busy from now on.
  int64_t DrawBusyUs(TurnKind kind);

  World* const world_;
  const std::function<void()> run_world_;
  std::vector<Worker> workers_;
  // What RunUntil waits for while the world runs. Another node's RunUntil may
  // begin within a step of the world and end before this one goes on: what held
  // meanwhile has held.
  const std::function<bool()>* awaited_ = nullptr;
  bool held_ = false;
  std::vector<const server::Shard*> shards_;
};

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_NODE_TURNS_H_
