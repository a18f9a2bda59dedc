// Random faults from a seed, then peace: all nodes have the same rows, what was
// answered happened once, what was refused did not happen.
#include <cstdio>
#include <string>

#include "gtest/gtest.h"
#include "tests/server/metadata_cluster.h"
#include "tests/server/metadata_history.h"

namespace kappa::server {
namespace {

constexpr uint64_t kSeeds = 60;

void DrawFaults(MetadataCluster* cluster) {
  const auto draw = [&](uint64_t percent_max) {
    return static_cast<uint32_t>(
        cluster->Below(2) == 0 ? 0 : cluster->Below(percent_max + 1));
  };
  cluster->faults.lost = draw(20);
  cluster->faults.doubled = draw(20);
  cluster->faults.late = draw(40);
}

void Heal(MetadataCluster* cluster) {
  cluster->faults = {};
  for (size_t i = 0; i < MetadataCluster::kNodes; ++i) {
    cluster->Mend(i);
    if (!cluster->up(i)) cluster->Start(i);
    cluster->FreeReaders(i);
    cluster->HangEffects(i, false);
  }
}

// One of the faults that come and go; about every 25 rounds.
void Disturb(MetadataCluster* cluster) {
  if (cluster->Below(25) > 0) return;
  const size_t any = cluster->Below(MetadataCluster::kNodes);
  const size_t node =
      cluster->Below(2) == 0 ? cluster->Leader().value_or(any) : any;
  switch (cluster->Below(7)) {
    case 0:
      return cluster->Cut(node);
    case 1:
    case 2: {
      const MetadataCluster::Faults faults = cluster->faults;
      Heal(cluster);
      cluster->faults = faults;
      return;
    }
    case 3:
      if (cluster->up(node)) cluster->Crash(node, cluster->Below(4));
      return;
    case 4:
      cluster->FreeReaders(node);
      return cluster->HangReaders(node);
    case 5:
      return cluster->HangEffects(node, true);
    default:
      // All at once, and back.
      for (size_t i = 0; i < MetadataCluster::kNodes; ++i) {
        if (cluster->up(i)) cluster->Crash(i, cluster->Below(4));
        cluster->Start(i);
      }
  }
}

TEST(MetadataSeedsTest, EveryNodeAppliesTheSameOnce) {
  MetadataCluster::Counts counts;
  uint64_t done = 0;
  uint64_t refused = 0;
  uint64_t unknown = 0;
  uint64_t found = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MetadataCluster cluster(seed);
    MetadataHistory history(&cluster);
    DrawFaults(&cluster);
    for (int i = 0; i < 500; ++i) {
      history.Request();
      cluster.RunRound();
      Disturb(&cluster);
    }
    Heal(&cluster);
    ASSERT_TRUE(cluster.RunUntil(
        [&] { return history.waiting() == 0 && cluster.Settled(); }));
    ASSERT_EQ(history.Check(), "");
    EXPECT_GT(history.done(), 0u);
    counts.truncations += cluster.counts.truncations;
    counts.reads += cluster.counts.reads;
    counts.leaders += cluster.counts.leaders;
    counts.effects += cluster.counts.effects;
    counts.compared += cluster.counts.compared;
    done += history.done();
    refused += history.refused();
    unknown += history.unknown();
    found += history.found();
  }
  printf(
      "done %lu, refused %lu, unknown %lu, found %lu, leaders %lu, stored "
      "entries truncated %lu, reads %lu, effects %lu, rows compared %lu\n",
      done, refused, unknown, found, counts.leaders, counts.truncations,
      counts.reads, counts.effects, counts.compared);
  // Each of these was tried often.
  EXPECT_GT(done, 50 * kSeeds);
  EXPECT_GT(refused, 10 * kSeeds);
  EXPECT_GT(unknown, kSeeds);
  EXPECT_GT(found, 10 * kSeeds);
  EXPECT_GT(counts.leaders, 3 * kSeeds);
  EXPECT_GT(counts.truncations, kSeeds / 4);
  EXPECT_GT(counts.reads, 10 * kSeeds);
  EXPECT_GT(counts.compared, 50 * kSeeds);
}

}  // namespace
}  // namespace kappa::server
