// What a node does with an entry whose bytes and CRC32C agree and whose SHA-256
// does not: only a scrub can tell, and nothing of it is served from then on.
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "proto/wire/crc32c.h"
#include "server/maintenance.h"
#include "storage/known_damage.h"
#include "tests/server/awaited.h"
#include "tests/server/memory_harness.h"
#include "tests/server/node_driver.h"
#include "tests/storage/log_script.h"

namespace kappa::server {
namespace {

using Values = std::vector<std::string>;

// Partition 0 has records 0 to 3 in batches of one; that of record 2 is
// damaged. One shard.
class NodeDamageTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/node_damage_XXXXXX";
    harness_.options.data_dir = mkdtemp(pattern.data());
    harness_.options.shards = 1;
    ASSERT_EQ(harness_.Open(), absl::OkStatus());
    driver_.MakeTopic("t", 2);
    group_ = driver_.GroupOf("t", 0);
    other_ = driver_.GroupOf("t", 1);
    ASSERT_TRUE(driver_.Append(group_, {"a"}).ok());
    ASSERT_TRUE(driver_.Append(group_, {"b"}).ok());
    ASSERT_TRUE(driver_.Append(other_, {"z"}).ok());
    harness_.Kill();
    WriteDamaged();
    Reopen();
    ASSERT_TRUE(driver_.Append(group_, {"d"}).ok());
  }
  ~NodeDamageTest() override {
    harness_.control().ReleaseWakes();
    harness_.Stop();
    std::filesystem::remove_all(harness_.options.data_dir);
  }

  void WriteDamaged() {
    storage::MemoryLogStore& store = harness_.store();
    for (const storage::ReplicaInfo& replica : store.Replicas()) {
      if (replica.spec.group != group_) continue;
      const storage::ReplicaPosition position = *store.Position(replica.number);
      storage::LogScript log(replica.number, position);
      log.set_term(position.last.term);
      storage::GroupWrite write = log.Empty();
      write.entries.push_back(log.Records(BatchOf({"c"}).payload.ToString()));
      storage::EntryWrite& entry = write.entries.back();
      const CheckedBatch other = BatchOf({"?"});
      entry.header.payload_crc32c = Crc32c(other.payload);
      entry.payload = other.payload;
      ASSERT_TRUE(store.Commit({&write, 1}).ok());
    }
  }
  void Reopen() { ASSERT_EQ(harness_.Open(), absl::OkStatus()); }

  Maintenance& maintenance() {
    return dynamic_cast<Maintenance&>(harness_.node());
  }
  // The first pass is due at once. Waits until it has found everything.
  void Scrub() {
    maintenance().KeepScrubbing(ScrubSettings());
    EXPECT_EQ(AwaitFirstPass(/*over=*/true).damaged_entries(), 1u);
  }
  // Waits until it has begun, or is over.
  v1::ScrubStatus AwaitFirstPass(bool over) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (true) {
      const v1::ScrubStatus status = maintenance().GetScrubStatus();
      if (status.pass() > 0 && !(over && status.running())) return status;
      if (absl::Now() > deadline) {
        ADD_FAILURE() << "no pass within 20 s";
        return status;
      }
      std::this_thread::yield();
    }
  }
  std::string ReadAt(uint64_t offset, bool backwards = false) {
    ReadCommand command;
    command.group = group_;
    command.from = Offset(backwards ? offset + 1 : offset);
    command.until = Offset(backwards ? offset : offset + 1);
    command.backwards = backwards;
    command.bytes_max = 1;
    const absl::StatusOr<ReadChunk> chunk = driver_.Read(command);
    return chunk.ok() ? ValuesOf(*chunk).at(0) : ReasonOf(chunk.status());
  }
  void ExpectDamageKnown() {
    EXPECT_EQ(ReasonOf(driver_.Append(group_, {"e"}).status()), "DATA_DAMAGED");
    for (const bool backwards : {false, true}) {
      EXPECT_EQ(ReadAt(0, backwards), "a");
      EXPECT_EQ(ReadAt(1, backwards), "b");
      EXPECT_EQ(ReadAt(2, backwards), "DATA_DAMAGED");
      EXPECT_EQ(ReadAt(3, backwards), "d");
    }
    EXPECT_TRUE(driver_.Append(other_, {"y"}).ok());
  }

  MemoryHarness harness_;
  NodeDriver driver_{&harness_};
  GroupId group_;
  GroupId other_;
};

TEST_F(NodeDamageTest, WhatAScrubFoundIsNeverServed) {
  EXPECT_EQ(ReadAt(2), "?") << "nothing but a scrub can tell";
  Scrub();
  ExpectDamageKnown();
  // A reader that comes to it gets what stands before it.
  ReadCommand command;
  command.group = group_;
  command.until = Offset(4);
  const absl::StatusOr<ReadChunk> chunk = driver_.Read(command);
  ASSERT_TRUE(chunk.ok()) << chunk.status();
  EXPECT_EQ(ValuesOf(*chunk), (Values{"a", "b"}));
}

// The epoch was raised, the fence refused: nobody may take that for nothing.
TEST_F(NodeDamageTest, AFenceThatIsRefusedLeavesTheOutcomeOpen) {
  Scrub();
  const absl::Status open = driver_.OpenProducer("p", "t", {0}).status();
  EXPECT_EQ(ReasonOf(open), "OUTCOME_UNKNOWN") << open;
  EXPECT_EQ(FactOf(open, "outcome"), "indefinite");
  EXPECT_EQ(driver_.GetProducer("p", "t", {1})->epoch(), 1u);
}

// What a read of this run found is known after a restart.
TEST_F(NodeDamageTest, WhatAReadFoundIsKeptToo) {
  storage::MemoryLogStore& store = harness_.store();
  for (const storage::ReplicaInfo& replica : store.Replicas()) {
    if (replica.spec.group != other_) continue;
    store.DamageEntry(replica.number,
                      *store.FindOffset(replica.number, Offset(0)));
  }
  harness_.Kill();
  Reopen();
  ReadCommand command;
  command.group = other_;
  command.until = Offset(1);
  EXPECT_EQ(ReasonOf(driver_.Read(command).status()), "DATA_DAMAGED");
  EXPECT_EQ(ReasonOf(driver_.Append(other_, {"y"}).status()), "DATA_DAMAGED");
  maintenance().KeepScrubbing(ScrubSettings());
  const v1::ScrubStatus status = maintenance().GetScrubStatus();
  ASSERT_GE(status.damage_size(), 1);
  EXPECT_EQ(status.damage(status.damage_size() - 1).group_id(), other_.value());
  harness_.Stop();
  const auto known =
      *storage::KnownDamage::Load(harness_.options.data_dir + "/damage");
  ASSERT_EQ(known->All().size(), 1u);
  EXPECT_EQ(known->All().front().group, other_);
  Reopen();
  EXPECT_EQ(ReasonOf(driver_.Append(other_, {"y"}).status()), "DATA_DAMAGED");
}

// Nobody can repair it: what is whole is served, and it is listed.
TEST_F(NodeDamageTest, AReplicaOpensWithADamagedFirstEntry) {
  storage::MemoryLogStore& store = harness_.store();
  harness_.Kill();
  for (const storage::ReplicaInfo& replica : store.Replicas()) {
    if (replica.spec.group != other_) continue;
    store.DamageEntry(replica.number, LogIndex(1));
  }
  Reopen();
  EXPECT_EQ(driver_.ReadAll(other_), Values{"z"});
  EXPECT_EQ(ReasonOf(driver_.Append(other_, {"y"}).status()), "DATA_DAMAGED");
  ASSERT_TRUE(driver_.Append(group_, {"e"}).ok());
  maintenance().KeepScrubbing(ScrubSettings());
  const v1::ScrubStatus status = maintenance().GetScrubStatus();
  ASSERT_GE(status.damage_size(), 1);
  EXPECT_EQ(status.damage(status.damage_size() - 1).group_id(), other_.value());
}

TEST_F(NodeDamageTest, NorAfterARestart) {
  Scrub();
  harness_.Kill();
  Reopen();
  ExpectDamageKnown();
  harness_.Stop();
  Reopen();
  ExpectDamageKnown();
}

TEST_F(NodeDamageTest, AListThatIsDamagedKeepsTheNodeFromStarting) {
  Scrub();
  harness_.Stop();
  const std::string list = harness_.options.data_dir + "/damage";
  std::filesystem::resize_file(list, std::filesystem::file_size(list) - 1);
  const absl::Status opened = harness_.Open();
  EXPECT_TRUE(absl::IsDataLoss(opened)) << opened;
}

// The list names what was put back healthy: who asks before it is read again is
// refused, and no longer than that.
class StaleListTest : public NodeDamageTest {
 protected:
  void SetUp() override {
    NodeDamageTest::SetUp();
    EXPECT_TRUE(driver_.Append(other_, {"y"}).ok());
    harness_.Stop();
    const auto known =
        *storage::KnownDamage::Load(harness_.options.data_dir + "/damage");
    for (const storage::ReplicaInfo& replica : harness_.store().Replicas()) {
      if (replica.spec.group != other_) continue;
      // Its record, and the no-op before it.
      known->Add({replica.number, other_, LogIndex(1), LogIndex(2), "?"});
    }
    ASSERT_TRUE(known->Save().ok());
    Reopen();
    EXPECT_EQ(AppendToOther(), "DATA_DAMAGED");
  }
  std::string AppendToOther() {
    return ReasonOf(driver_.Append(other_, {"y"}).status());
  }
  std::string ReadOther(uint64_t offset) {
    ReadCommand command;
    command.group = other_;
    command.from = Offset(offset);
    command.until = Offset(offset + 1);
    const absl::StatusOr<ReadChunk> chunk = driver_.Read(command);
    return chunk.ok() ? ValuesOf(*chunk).at(0) : ReasonOf(chunk.status());
  }
  uint64_t StoppedPartitions() {
    return harness_.node().Stats().shards[0].damaged_partitions;
  }
};

TEST_F(StaleListTest, APartitionStartsAgainOnceItIsFoundWhole) {
  EXPECT_EQ(StoppedPartitions(), 1u);
  // Found by nobody but the list.
  EXPECT_EQ(ReadOther(0), "DATA_DAMAGED");
  Scrub();
  EXPECT_TRUE(driver_.Append(other_, {"y"}).ok());
  EXPECT_EQ(ReadOther(0), "z");
  // The one that is damaged is not.
  EXPECT_EQ(ReasonOf(driver_.Append(group_, {"e"}).status()), "DATA_DAMAGED");
  EXPECT_EQ(StoppedPartitions(), 1u);
}

TEST_F(StaleListTest, ARecheckThatCannotReadIsTriedAgain) {
  harness_.control().FailReads(true);
  maintenance().KeepScrubbing(ScrubSettings());
  EXPECT_EQ(AppendToOther(), "DATA_DAMAGED");
  harness_.control().FailReads(false);
  AwaitFirstPass(/*over=*/false);
  EXPECT_TRUE(driver_.Append(other_, {"y"}).ok());
}

// What a read of this run found is not forgotten with it.
TEST_F(StaleListTest, DamageThatAReadFoundKeepsItStopped) {
  harness_.control().DamageReads(true);
  EXPECT_EQ(ReadOther(1), "DATA_DAMAGED");
  harness_.control().DamageReads(false);
  EXPECT_EQ(ReadOther(1), "y");
  Scrub();
  EXPECT_EQ(AppendToOther(), "DATA_DAMAGED");
  EXPECT_EQ(ReadOther(0), "z");
}

// The stop is no request that a full queue may refuse.
TEST_F(NodeDamageTest, AFullQueueDoesNotLoseTheStop) {
  harness_.Kill();
  Reopen();
  ASSERT_TRUE(driver_.GetEnd(group_).ok());  // awake
  harness_.control().HoldWakes();
  Awaited<PartitionEnd> woken;
  harness_.node().GetEnd(other_, v1::CONSISTENCY_UNSPECIFIED, woken.callback());
  Awaited<PartitionEnd> refused;
  std::vector<Awaited<PartitionEnd>> queued;
  do {
    refused = queued.emplace_back();
    harness_.node().GetEnd(group_, v1::CONSISTENCY_UNSPECIFIED,
                           refused.callback());
  } while (!refused.has_answer());
  EXPECT_EQ(ReasonOf(refused.Get().status()), "OVERLOADED");
  Scrub();
  harness_.control().ReleaseWakes();
  for (size_t i = 0; i + 1 < queued.size(); ++i) (void)queued[i].Get();
  EXPECT_EQ(ReasonOf(driver_.Append(group_, {"e"}).status()), "DATA_DAMAGED");
  // Its read may have met the many others.
  const absl::Status answer = woken.Get().status();
  EXPECT_TRUE(answer.ok() || ReasonOf(answer) == "OVERLOADED") << answer;
}

}  // namespace
}  // namespace kappa::server
