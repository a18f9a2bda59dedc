// Deliberate bugs of the code around the cores that random seeds do not show:
// each needs several things to happen in one order, which a written plan brings
// about. Seeds differ in how messages and clients fall into that plan.
#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>
#include <string>

#include "tests/simulation/fault.h"
#include "tests/simulation/fault_plan.h"
#include "tests/simulation/isolated_run.h"
#include "tests/simulation/owner_mutant.h"
#include "tests/simulation/simulation_options.h"

namespace kappa::simulation {
namespace {

constexpr uint64_t kSeeds = 20;
constexpr uint64_t kLeader = 0;  // a fault's choice: whoever leads
// On a fresh group the second of three voters leads first.
constexpr uint64_t kFirstLeader = 1;

// A fault's choice: that node.
constexpr uint64_t AtNode(uint64_t index) { return index * 64 + 1; }

struct DirectedRun {
  SimulationOptions options;
  FaultPlan plan;
};

void Add(DirectedRun* run, FaultKind kind, int64_t at_ms, int64_t duration_ms,
         uint64_t choice) {
  Fault fault;
  fault.number = static_cast<uint32_t>(run->plan.faults.size() + 1);
  fault.kind = kind;
  fault.at_us = at_ms * 1000;
  fault.duration_us = duration_ms * 1000;
  fault.choice = choice;
  run->plan.faults.push_back(fault);
}

DirectedRun ThreeNodes(uint64_t seed) {
  DirectedRun run;
  run.options.seed = seed;
  run.options.duration_us = 7'000'000;
  run.options.core.election_ticks = 20;
  run.options.core.heartbeat_ticks = 3;
  run.options.core.catch_up_entries = 0;
  return run;
}

// A leader with a lease stands still and is cut off, others elect and commit;
// it wakes, still cut off, and is asked at once.
DirectedRun WakeOfAPausedLeader(uint64_t seed) {
  DirectedRun run = ThreeNodes(seed);
  run.options.core.lease_ticks = 10;
  run.options.reads_per_second = 1000;
  Add(&run, FaultKind::kCutLeader, 2000, 4000, kLeader);
  Add(&run, FaultKind::kPause, 2001, 3000, kLeader);
  return run;
}

// A follower that asks for read points restarts at once, while answers to its
// former process are still on their way and more is committed.
DirectedRun LateAnswersToReads(uint64_t seed) {
  DirectedRun run = ThreeNodes(seed);
  run.options.reads_per_second = 1000;
  run.options.proposals_per_second = 200;
  run.options.network.reordering_ppm = 300'000;
  run.options.network.fault_delay_us_max = 500'000;
  run.plan.message_faults.insert(FaultKind::kReordering);
  Add(&run, FaultKind::kCrash, 1500, 20, AtNode(0));
  return run;
}

// The first leader, in term t, is cut off with one entry i of its own. It
// restarts, and hears of term u > t: its first write stores u and ends at i.
// It restarts again: its first write replaces i by an entry of u. Both are
// (u, i, 1).
//
// Messages take 40 ms: the new leader's first beat comes 80 to 145 ms after the
// restart, when all have greeted, and the entry for i another 80 ms after it.
// The second crash, 150 ms after the restart, lies between them.
DirectedRun EqualTokensOfTwoProcesses(uint64_t seed) {
  DirectedRun run = ThreeNodes(seed);
  run.options.core.request_entries_max = 1;
  run.options.proposals_per_second = 3;
  run.options.network.delay_us_min = 40'000;
  run.options.network.delay_us_max = 40'100;
  run.options.sync_us_max = 400;
  run.options.late_completion_ppm = 1'000'000;
  Add(&run, FaultKind::kCutLeader, 2000, 2500, kLeader);
  Add(&run, FaultKind::kCrash, 4400, 200, AtNode(kFirstLeader));
  Add(&run, FaultKind::kCrash, 4750, 50, AtNode(kFirstLeader));
  return run;
}

struct Case {
  OwnerMutant mutant;
  DirectedRun (*run)(uint64_t seed);
  const char* property;  // part of what it reports
};

void PrintTo(const Case& c, std::ostream* out) { *out << NameOf(c.mutant); }

class DirectedMutantTest : public testing::TestWithParam<Case> {};

TEST_P(DirectedMutantTest, IsSeenByAProperty) {
  uint64_t seen = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    DirectedRun run = GetParam().run(seed);
    EXPECT_EQ(RunIsolated(run.options, run.plan).run.breach, "") << seed;
    run.options.mutant = GetParam().mutant;
    const IsolatedResult with = RunIsolated(run.options, run.plan);
    EXPECT_FALSE(with.died) << "a CHECK is no property: " << with.run.breach;
    if (with.run.breach.empty()) continue;
    EXPECT_NE(with.run.breach.find(GetParam().property), std::string::npos)
        << "seed " << seed << ": " << with.run.breach;
    ++seen;
  }
  EXPECT_GE(seen, 1u);
  RecordProperty("seeds_that_show_it", static_cast<int>(seen));
}

INSTANTIATE_TEST_SUITE_P(All, DirectedMutantTest,
                         testing::Values(Case{OwnerMutant::kPauseUnnoticed,
                                              WakeOfAPausedLeader,
                                              "stale read"},
                                         Case{OwnerMutant::kReadInstanceReused,
                                              LateAnswersToReads, "stale read"},
                                         Case{OwnerMutant::kStaleCompletion,
                                              EqualTokensOfTwoProcesses,
                                              "is called durable and is not"}),
                         [](const testing::TestParamInfo<Case>& info) {
                           return std::string(NameOf(info.param.mutant));
                         });

}  // namespace
}  // namespace kappa::simulation
