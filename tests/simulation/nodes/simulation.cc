#include "tests/simulation/nodes/simulation.h"

#include <cstdlib>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "server/logging.h"
#include "storage/node_mutant.h"
#include "tests/simulation/child_run.h"
#include "tests/simulation/nodes/cluster.h"
#include "tests/simulation/nodes/fault_injector.h"

namespace kappa::node_simulation {
namespace {

constexpr int64_t kSetUpUsMax = 15'000'000;
// Within which each partition takes appends again once all is healed.
constexpr int64_t kProgressUs = 6'000'000;
constexpr int64_t kDrainUsMax = 15'000'000;
constexpr int64_t kSettleUsMax = 40'000'000;

storage::NodeMutant MutantOfNode(Mutant mutant) {
  switch (mutant) {
    case Mutant::kSequencesForgottenByNewLeader:
      return storage::NodeMutant::kSequencesForgottenByNewLeader;
    case Mutant::kSequencesLostAtRestart:
      return storage::NodeMutant::kSequencesLostAtRestart;
    case Mutant::kOffsetFromIndex:
      return storage::NodeMutant::kOffsetFromIndex;
    default:
      return storage::NodeMutant::kNone;
  }
}

// Lets time pass until it holds.
template <typename Holds>
void Await(Cluster* cluster, int64_t longest_us, const char* what,
           Holds unmet) {
  World& world = cluster->world();
  const int64_t end_us = world.now_us + longest_us;
  std::string why = unmet();
  while (!why.empty() && world.breach.empty()) {
    if (world.now_us >= end_us) {
      return world.Fail(
          absl::StrCat(what, " after ", longest_us / 1'000'000, " s: ", why));
    }
    cluster->RunFor(50'000);
    why = unmet();
  }
}

void RunFaults(Cluster* cluster, const Plan& plan) {
  World& world = cluster->world();
  FaultInjector injector(cluster, plan);
  const int64_t end_us =
      world.now_us + static_cast<int64_t>(world.options.seconds * 1e6);
  while (world.now_us < end_us && world.breach.empty()) {
    injector.Step();
    cluster->Step();
  }
  world.Say("everything is healed");
  injector.Heal();
}

void RunPhases(Cluster* cluster, const Plan& plan) {
  World& world = cluster->world();
  Await(cluster, kSetUpUsMax, "no topics", [&] {
    return cluster->around().places.size() <
                   world.options.partitions + size_t{2}
               ? "they are being made"
               : "";
  });
  RunFaults(cluster, plan);
  checker::Event heal;
  heal.type = checker::EventType::kHeal;
  heal.within_us = kProgressUs;
  cluster->history().Add(heal);
  cluster->RunFor(kProgressUs + 500'000);
  cluster->StopClients();
  Await(cluster, kDrainUsMax, "clients wait", [&] {
    return cluster->ClientsIdle() ? "" : "for an answer that is sure";
  });
  Await(cluster, kSettleUsMax, "not settled",
        [&] { return cluster->Unsettled(); });
  if (!world.breach.empty()) return;
  cluster->ReadEverything();
}

}  // namespace

RunResult Simulate(const RunOptions& options, const Plan& plan) {
  server::StartLogging(
      server::LogFormat::kText,
      options.verbose ? server::LogLevel::kInfo : server::LogLevel::kError);
  storage::active_node_mutant = MutantOfNode(options.mutant);
  World world(options);
  std::string found;
  {
    Cluster cluster(&world);
    RunPhases(&cluster, plan);
    if (world.breach.empty()) {
      const std::string wrong = cluster.history().Check();
      if (!wrong.empty()) world.Fail(wrong);
    }
    if (const char* file = std::getenv("KAPPA_SIMULATION_HISTORY")) {
      std::ofstream(file) << cluster.history().ToText();
    }
  }
  storage::active_node_mutant = storage::NodeMutant::kNone;
  world.counts.runs = 1;
  world.counts.simulated_us = static_cast<uint64_t>(world.now_us);
  return {world.breach, world.trace, world.counts, false};
}

RunResult SimulateIsolated(const RunOptions& options, const Plan& plan) {
  const simulation::ChildResult child = simulation::RunInChild([&] {
    const RunResult run = Simulate(options, plan);
    std::string bytes(sizeof(run.trace) + sizeof(run.counts), '\0');
    std::memcpy(bytes.data(), &run.trace, sizeof(run.trace));
    std::memcpy(bytes.data() + sizeof(run.trace), &run.counts,
                sizeof(run.counts));
    return bytes + run.breach;
  });
  RunResult result;
  const size_t fixed = sizeof(result.trace) + sizeof(result.counts);
  if (child.died || child.bytes.size() < fixed) {
    result.died = true;
    result.breach = child.how;
    return result;
  }
  std::memcpy(&result.trace, child.bytes.data(), sizeof(result.trace));
  std::memcpy(&result.counts, child.bytes.data() + sizeof(result.trace),
              sizeof(result.counts));
  result.breach = child.bytes.substr(fixed);
  return result;
}

}  // namespace kappa::node_simulation
