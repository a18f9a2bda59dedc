// Deliberate bugs of the node and of what stands before it: each is seen by a
// property within a few seeds, which hold without it.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "tests/simulation/nodes/plan.h"
#include "tests/simulation/nodes/run_options.h"
#include "tests/simulation/nodes/simulation.h"

namespace kappa::node_simulation {
namespace {

constexpr double kSeconds = 6;
constexpr uint64_t kSeedsMax = 30;

class NodeMutantTest : public testing::TestWithParam<Mutant> {};

TEST_P(NodeMutantTest, IsSeenByAProperty) {
  uint64_t seen = 0;
  for (uint64_t seed = 1; seed <= kSeedsMax && seen == 0; ++seed) {
    RunOptions options = RunOptions::Draw(seed, kSeconds);
    const Plan plan = Plan::Draw(options);
    options.mutant = GetParam();
    const RunResult with = SimulateIsolated(options, plan);
    // A CHECK is no property.
    if (with.died || with.breach.empty()) continue;
    seen = seed;
    RecordProperty("seeds", static_cast<int>(seed));
    RecordProperty("breach", with.breach.substr(0, 200));
    options.mutant = Mutant::kNone;
    EXPECT_EQ(SimulateIsolated(options, plan).breach, "") << "seed " << seed;
  }
  EXPECT_NE(seen, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    All, NodeMutantTest,
    testing::Values(Mutant::kSequencesForgottenByNewLeader,
                    Mutant::kSequencesLostAtRestart, Mutant::kOffsetFromIndex,
                    Mutant::kBatchSplit, Mutant::kReplayResumesTooFar,
                    Mutant::kAcknowledgeBeforeSync, Mutant::kEvidenceHidden),
    [](const testing::TestParamInfo<Mutant>& info) {
      return std::string(NameOf(info.param));
    });

}  // namespace
}  // namespace kappa::node_simulation
