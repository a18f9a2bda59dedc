// Random faults from a seed, then peace: the logs are the same, nothing that
// was acknowledged is lost, nothing is there twice.
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "storage/memory_log_store.h"
#include "storage/rocks_log_store.h"
#include "tests/server/replica_cluster.h"
#include "tests/server/replication_history.h"

namespace kappa::server {
namespace {

constexpr uint64_t kSeeds = 60;

std::shared_ptr<storage::LogStore> MemoryStore(size_t) {
  return std::make_shared<storage::MemoryLogStore>();
}

void DrawFaults(ReplicaCluster* cluster) {
  const auto draw = [&](uint64_t percent_max) {
    return static_cast<uint32_t>(
        cluster->Below(2) == 0 ? 0 : cluster->Below(percent_max + 1));
  };
  cluster->faults.lost = draw(20);
  cluster->faults.doubled = draw(20);
  cluster->faults.late = draw(40);
  cluster->faults.tampered = draw(20);
}

// One of the faults that come and go; about every 25 rounds.
void Disturb(ReplicaCluster* cluster) {
  if (cluster->Below(25) > 0) return;
  const size_t any = cluster->Below(ReplicaCluster::kNodes);
  const size_t node =
      cluster->Below(2) == 0 ? cluster->Leader().value_or(any) : any;
  switch (cluster->Below(5)) {
    case 0:
      return cluster->Cut(node);
    case 1:
    case 2:
      for (size_t i = 0; i < ReplicaCluster::kNodes; ++i) {
        cluster->Mend(i);
        if (!cluster->up(i)) cluster->Start(i);
      }
      return;
    case 3:
      if (cluster->up(node)) cluster->Crash(node, cluster->Below(4));
      return;
    default:
      // All at once, and back.
      for (size_t i = 0; i < ReplicaCluster::kNodes; ++i) {
        if (cluster->up(i)) cluster->Crash(i, cluster->Below(4));
        cluster->Start(i);
      }
  }
}

void Heal(ReplicaCluster* cluster) {
  cluster->faults = NetworkFaults();
  for (size_t i = 0; i < ReplicaCluster::kNodes; ++i) {
    cluster->Mend(i);
    if (!cluster->up(i)) cluster->Start(i);
  }
}

struct Totals {
  ClusterCounts counts;
  uint64_t acknowledged = 0;
  uint64_t refused = 0;
  uint64_t unknown = 0;
};

void RunSeed(uint64_t seed, int rounds,
             const ReplicaCluster::StoreFactory& make_store, Totals* totals) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  ReplicaCluster cluster(seed, make_store);
  ReplicationHistory history(&cluster);
  DrawFaults(&cluster);
  for (int i = 0; i < rounds; ++i) {
    history.Request();
    cluster.RunRound();
    Disturb(&cluster);
  }
  Heal(&cluster);
  ASSERT_TRUE(cluster.RunUntil([&] { return cluster.Settled(); }));
  EXPECT_EQ(history.Check(), "");
  EXPECT_GT(history.acknowledged(), 0u);
  totals->counts.truncations += cluster.counts.truncations;
  totals->counts.fetched += cluster.counts.fetched;
  totals->counts.reads += cluster.counts.reads;
  totals->counts.tampered += cluster.counts.tampered;
  totals->counts.refused += cluster.counts.refused;
  totals->counts.leaders += cluster.counts.leaders;
  totals->acknowledged += history.acknowledged();
  totals->refused += history.refused();
  totals->unknown += history.unknown();
}

void Print(const Totals& totals) {
  printf(
      "acknowledged %lu, refused %lu, unknown %lu, leaders %lu, stored entries "
      "truncated %lu, fetched %lu, reads %lu, tampered %lu, refused of these "
      "%lu\n",
      totals.acknowledged, totals.refused, totals.unknown,
      totals.counts.leaders, totals.counts.truncations, totals.counts.fetched,
      totals.counts.reads, totals.counts.tampered, totals.counts.refused);
}

TEST(ReplicationSeedsTest, LogsConvergeAndKeepWhatWasAcknowledged) {
  Totals totals;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    RunSeed(seed, 500, MemoryStore, &totals);
    if (HasFailure()) return;
  }
  Print(totals);
  // Each of these was tried often.
  EXPECT_GT(totals.acknowledged, 50 * kSeeds);
  EXPECT_GT(totals.refused, kSeeds);
  EXPECT_GT(totals.unknown, kSeeds);
  EXPECT_GT(totals.counts.leaders, 3 * kSeeds);
  EXPECT_GT(totals.counts.truncations, kSeeds / 2);
  EXPECT_GT(totals.counts.fetched, kSeeds);
  EXPECT_GT(totals.counts.reads, kSeeds);
  EXPECT_GT(totals.counts.refused, kSeeds);
}

TEST(ReplicationSeedsTest, TheSameOnRocksDb) {
  const char* const parent = std::getenv("TEST_TMPDIR");
  std::string root =
      std::string(parent != nullptr ? parent : "/tmp") + "/replicas-XXXXXX";
  ASSERT_NE(mkdtemp(root.data()), nullptr);
  Totals totals;
  RunSeed(
      7, 200,
      [&root](size_t node) -> std::shared_ptr<storage::LogStore> {
        storage::RocksLogStoreOptions options;
        options.directory = root + "/" + std::to_string(node);
        options.memtable_bytes = 4 << 20;
        options.block_cache_bytes = 4 << 20;
        return *storage::RocksLogStore::Open(options);
      },
      &totals);
  Print(totals);
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace kappa::server
