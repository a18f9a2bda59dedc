// Deliberate bugs of the code around the cores: each is seen by a property in
// the run that `hunt` found, and the same run holds without it. A change of the
// core changes what a seed does: hunt again and record the new seeds.
#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>
#include <string>

#include "tests/simulation/fault_plan.h"
#include "tests/simulation/isolated_run.h"
#include "tests/simulation/owner_mutant.h"
#include "tests/simulation/simulation_options.h"

namespace kappa::simulation {
namespace {

constexpr double kSeconds = 10;

struct Killer {
  OwnerMutant mutant;
  uint64_t seed;
};

void PrintTo(const Killer& killer, std::ostream* out) {
  *out << NameOf(killer.mutant) << " by seed " << killer.seed;
}

class OwnerMutantTest : public testing::TestWithParam<Killer> {};

TEST_P(OwnerMutantTest, IsSeenByAProperty) {
  SimulationOptions options =
      SimulationOptions::Draw(GetParam().seed, kSeconds);
  const FaultPlan plan = FaultPlan::Draw(options);
  const IsolatedResult without = RunIsolated(options, plan);
  EXPECT_EQ(without.run.breach, "");
  options.mutant = GetParam().mutant;
  const IsolatedResult with = RunIsolated(options, plan);
  EXPECT_FALSE(with.died) << "a CHECK is no property: " << with.run.breach;
  EXPECT_NE(with.run.breach, "");
}

INSTANTIATE_TEST_SUITE_P(
    All, OwnerMutantTest,
    testing::Values(Killer{OwnerMutant::kAcknowledgeBeforeSync, 1},
                    Killer{OwnerMutant::kPromiseBeforeSync, 1},
                    Killer{OwnerMutant::kVoteNotPersisted, 906},
                    Killer{OwnerMutant::kAmnesiacVotes, 1},
                    Killer{OwnerMutant::kIncarnationReused, 1},
                    Killer{OwnerMutant::kDiskFullAsSuccess, 6},
                    Killer{OwnerMutant::kSyncRetried, 2},
                    Killer{OwnerMutant::kCutOnChecksumError, 45},
                    Killer{OwnerMutant::kDamagedLeftOut, 1}),
    [](const testing::TestParamInfo<Killer>& info) {
      return std::string(NameOf(info.param.mutant));
    });

}  // namespace
}  // namespace kappa::simulation
