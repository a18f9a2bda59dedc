// Three nodes: a replica that is opened on a damaged entry is repaired from the
// others, does not lead before, and goes on when the entry is cut off
// (RELIABILITY.md S7).
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "storage/memory_log_store.h"
#include "storage/term_rows.h"
#include "tests/server/node_cluster.h"

namespace kappa::server {
namespace {

class NodeRepairTest : public testing::Test {
 protected:
  NodeRepairTest() {
    cluster_.MakeTopic("t", 1);
    group_ = cluster_.GroupOf("t", 0);
    for (int i = 0; i < 3; ++i) Append();
    // Another term, or more.
    const size_t leader = cluster_.Leader(group_);
    cluster_.Kill(leader);
    Append();
    cluster_.Start(leader);
    Append();
    for (size_t i = 0; i < NodeCluster::kNodes; ++i) AwaitAll(i);
  }

  void Append() {
    expected_.push_back(absl::StrCat("v", expected_.size()));
    cluster_.Append(group_, expected_.back(),
                    Sequence("0123456789abcdef", 0, expected_.size()));
  }
  void AwaitAll(size_t i) {
    EXPECT_EQ(cluster_.ReadAll(i, group_, expected_.size()), expected_);
  }
  storage::MemoryLogStore& store(size_t i) {
    return cluster_.harness(i).store();
  }
  ReplicaNumber NumberOf(size_t i) { return cluster_.NumberOf(i, group_); }
  void DamageAt(size_t i, LogIndex index) {
    store(i).DamageEntry(NumberOf(i), index);
  }
  bool IsWhole(size_t i, LogIndex index) {
    return store(i).ReadHeader(NumberOf(i), index).ok();
  }
  LogIndex IndexOf(size_t i, uint64_t offset) {
    return *store(i).FindOffset(NumberOf(i), Offset(offset));
  }
  std::string ReadAt(size_t i, uint64_t offset) {
    ReadCommand command;
    command.group = group_;
    command.from = Offset(offset);
    command.until = Offset(offset + 1);
    command.bytes_max = 1;
    const absl::StatusOr<ReadChunk> chunk = cluster_.driver(i).Read(command);
    return chunk.ok() ? ValuesOf(*chunk).at(0) : ReasonOf(chunk.status());
  }
  uint64_t Stopped(size_t i) {
    uint64_t stopped = 0;
    for (const ShardStats& shard : cluster_.node(i).Stats().shards) {
      stopped += shard.damaged_partitions;
    }
    return stopped;
  }
  std::string ProblemOf(size_t i) {
    const v1::GetHealthResponse health = cluster_.Health(i);
    for (const v1::HealthProblem& problem : health.problems()) {
      if (problem.kind() == v1::HEALTH_PROBLEM_KIND_DAMAGED) {
        return problem.message();
      }
    }
    return "";
  }
  // Hands leadership to the node, as soon as it takes it.
  bool MakeLead(size_t i) {
    return cluster_.Await([&] {
      const size_t leader = cluster_.Leader(group_);
      return leader == i ||
             cluster_.TransferLeadership(leader, group_, NodeId(i + 1)).ok();
    });
  }

  NodeCluster cluster_;
  GroupId group_;
  std::vector<std::string> expected_;
};

// The first entry, one that begins a term, and the last one.
TEST_F(NodeRepairTest, AReplicaOpensWithoutTheEntriesThatTellTerms) {
  const size_t damaged = (cluster_.Leader(group_) + 1) % NodeCluster::kNodes;
  const std::vector<raft::EntryId> starts =
      *store(damaged).TermStarts(NumberOf(damaged));
  ASSERT_GE(starts.size(), 2u);
  for (const LogIndex wanted :
       {starts.front().index, starts.back().index, LogIndex(0)}) {
    cluster_.Kill(damaged);
    const LogIndex last =
        store(damaged).Position(NumberOf(damaged))->last.index;
    const LogIndex index = wanted == LogIndex(0) ? last : wanted;
    SCOPED_TRACE(index.value());
    DamageAt(damaged, index);
    ASSERT_TRUE(absl::IsDataLoss(
        store(damaged).TermStarts(NumberOf(damaged)).status()));
    cluster_.Start(damaged);
    Append();
    ASSERT_TRUE(cluster_.Await([&] { return IsWhole(damaged, index); }));
    AwaitAll(damaged);
    ASSERT_TRUE(cluster_.Await(
        [&] { return Stopped(damaged) == 0 && ProblemOf(damaged).empty(); }));
    ASSERT_TRUE(MakeLead(damaged));
    Append();
  }
}

// Where nothing tells the terms, it says what is to be done, and others go on.
TEST_F(NodeRepairTest, AReplicaThatCannotBeOpenedSaysSo) {
  const size_t damaged = (cluster_.Leader(group_) + 1) % NodeCluster::kNodes;
  cluster_.MakeTopic("u", 1);
  const GroupId other = cluster_.GroupOf("u", 0);
  cluster_.Kill(damaged);
  DamageAt(damaged, LogIndex(1));
  storage::GroupWrite write;
  write.replica = NumberOf(damaged);
  write.side_rows = storage::TermRows(write.replica, {}, 0, 100);
  ASSERT_TRUE(store(damaged).Commit({&write, 1}).ok());
  cluster_.Start(damaged);
  Append();
  ASSERT_TRUE(cluster_.Await([&] {
    return ProblemOf(damaged).find("start it with an empty one") !=
           std::string::npos;
  })) << ProblemOf(damaged);
  EXPECT_EQ(ReadAt(damaged, 0), "DATA_DAMAGED");
  cluster_.Append(other, "w", std::nullopt);
  EXPECT_EQ(cluster_.ReadAll(damaged, other, 1).size(), 1u);
}

// While the only whole copy is away, nobody leads whose log has a hole; not
// even with a majority, for any time.
TEST_F(NodeRepairTest, NobodyLeadsWithAnEntryThatCannotBeRepaired) {
  const size_t whole = cluster_.Leader(group_);
  const std::vector<size_t> others = {(whole + 1) % NodeCluster::kNodes,
                                      (whole + 2) % NodeCluster::kNodes};
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) cluster_.Kill(i);
  for (const size_t i : others) {
    DamageAt(i, LogIndex(1));
    cluster_.Start(i);
  }
  // It is found where the replica is opened.
  for (const size_t i : others) {
    ASSERT_TRUE(cluster_.Await([&] { return Stopped(i) == 1; }));
  }
  const absl::Time end = absl::Now() + absl::Seconds(2);
  int refused = 0;
  while (absl::Now() < end) {
    for (const size_t i : others) {
      const absl::Status status =
          cluster_.driver(i).Append(group_, {"x"}).status();
      ASSERT_EQ(ReasonOf(status), "NOT_LEADER") << status;
      ++refused;
    }
  }
  EXPECT_GT(refused, 10);
  for (const size_t i : others) EXPECT_FALSE(IsWhole(i, LogIndex(1)));
  cluster_.Start(whole);
  Append();
  for (const size_t i : others) {
    ASSERT_TRUE(cluster_.Await([&] { return IsWhole(i, LogIndex(1)); }));
    AwaitAll(i);
    ASSERT_TRUE(cluster_.Await([&] { return Stopped(i) == 0; }));
  }
}

// What nobody acknowledged is cut off, and its damage with it.
TEST_F(NodeRepairTest, AReplicaGoesOnOnceItsDamageIsCutOff) {
  const size_t leader = cluster_.Leader(group_);
  const LogIndex before = cluster_.StoredUpTo(leader, group_);
  cluster_.Cut(leader);
  EXPECT_EQ(ReasonOf(cluster_.driver(leader).Append(group_, {"lost"}).status()),
            "OUTCOME_UNKNOWN");
  cluster_.Kill(leader);
  const LogIndex last = cluster_.StoredUpTo(leader, group_);
  ASSERT_GT(last, before);
  DamageAt(leader, last);
  for (int i = 0; i < 3; ++i) Append();
  cluster_.Start(leader);
  AwaitAll(leader);
  ASSERT_TRUE(cluster_.Await([&] { return Stopped(leader) == 0; }));
  EXPECT_EQ(ProblemOf(leader), "");
  ASSERT_TRUE(MakeLead(leader));
  Append();
  for (size_t i = 0; i < NodeCluster::kNodes; ++i) AwaitAll(i);
}

// A read that began before the repair may end, and tell, after it.
TEST_F(NodeRepairTest, ALateReportOfWhatIsRepairedStopsNothing) {
  const size_t damaged = (cluster_.Leader(group_) + 1) % NodeCluster::kNodes;
  cluster_.Kill(damaged);
  const LogIndex index = IndexOf(damaged, 1);
  DamageAt(damaged, index);
  cluster_.Start(damaged);
  ASSERT_TRUE(cluster_.Await([&] {
    return ReadAt(damaged, 1) == expected_[1] && Stopped(damaged) == 0;
  }));
  ASSERT_TRUE(IsWhole(damaged, index));
  cluster_.harness(damaged).control().DamageReadOf(index);
  EXPECT_EQ(ReadAt(damaged, 1), "DATA_DAMAGED");
  // Behind the report.
  EXPECT_EQ(ReadAt(damaged, 0), expected_[0]);
  EXPECT_EQ(Stopped(damaged), 0u);
  EXPECT_EQ(ReadAt(damaged, 1), expected_[1]);
  EXPECT_EQ(Stopped(damaged), 0u);
  EXPECT_EQ(ProblemOf(damaged), "");
}

}  // namespace
}  // namespace kappa::server
