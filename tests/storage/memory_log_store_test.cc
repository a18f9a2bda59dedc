#include "storage/memory_log_store.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

class MemoryLogStoreTest : public testing::Test {
 protected:
  // A replica with `batches` entries of three records each, 10 µs apart.
  LogScript NewLog(uint64_t group, int batches) {
    const ReplicaSpec spec = SpecOfGroup(group);
    const auto numbers = store_.CreateReplicas({&spec, 1});
    LogScript script(numbers->front(), spec);
    script.set_time_step_us(10);
    Append(&script, batches);
    return script;
  }

  void Append(LogScript* script, int batches) {
    GroupWrite write = script->Empty();
    for (int i = 0; i < batches; ++i) {
      write.entries.push_back(
          script->Records("payload " + std::to_string(i), 3));
    }
    ASSERT_TRUE(store_.Commit({&write, 1}).ok());
  }

  MemoryLogStore store_;
};

TEST_F(MemoryLogStoreTest, NumbersAreNeverGivenTwice) {
  const LogScript first = NewLog(1, 0);
  const ReplicaNumber dropped = first.replica();
  ASSERT_TRUE(store_.DropReplicas({&dropped, 1}).ok());
  ASSERT_TRUE(store_.DropReplicas({&dropped, 1}).ok());
  EXPECT_NE(NewLog(1, 0).replica(), dropped);
  EXPECT_EQ(store_.Replicas().size(), 1u);
  EXPECT_EQ(store_.Position(dropped).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(MemoryLogStoreTest, ReadsWhatWasCommitted) {
  const LogScript script = NewLog(1, 5);
  EXPECT_EQ(*store_.Position(script.replica()), script.position());
  const auto entries = store_.Read(script.replica(), LogIndex(2), LogIndex(4),
                                   1000, ReadClass::kPoint);
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ(entries->front().header.index, LogIndex(2));
  EXPECT_EQ(entries->front().payload.ToString(), "payload 1");
}

TEST_F(MemoryLogStoreTest, AReadEndsWhenItsBytesAreReached) {
  const LogScript script = NewLog(1, 5);
  const auto read = [&](size_t bytes_max) {
    return store_
        .Read(script.replica(), LogIndex(1), LogIndex(9), bytes_max,
              ReadClass::kPoint)
        ->size();
  };
  EXPECT_EQ(read(0), 1u);
  EXPECT_EQ(read(9), 1u);
  EXPECT_EQ(read(10), 2u);
  EXPECT_EQ(read(1000), 5u);
}

TEST_F(MemoryLogStoreTest, TellsTheEndsApart) {
  const LogScript script = NewLog(1, 2);
  EXPECT_TRUE(store_
                  .Read(script.replica(), LogIndex(3), LogIndex(9), 1,
                        ReadClass::kPoint)
                  ->empty());
  EXPECT_EQ(store_
                .Read(script.replica(), LogIndex(0), LogIndex(9), 1,
                      ReadClass::kPoint)
                .status()
                .code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(store_.ReadHeader(script.replica(), LogIndex(3)).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST_F(MemoryLogStoreTest, FindsByOffsetAndTime) {
  const LogScript script = NewLog(1, 4);  // offsets 0, 3, 6, 9; times 10..40
  const ReplicaNumber replica = script.replica();
  EXPECT_EQ(*store_.FindOffset(replica, Offset(0)), LogIndex(1));
  EXPECT_EQ(*store_.FindOffset(replica, Offset(5)), LogIndex(2));
  EXPECT_EQ(*store_.FindOffset(replica, Offset(6)), LogIndex(3));
  EXPECT_EQ(*store_.FindOffset(replica, Offset(12)), LogIndex(5));
  EXPECT_EQ(*store_.FindTime(replica, 0), LogIndex(1));
  EXPECT_EQ(*store_.FindTime(replica, 20), LogIndex(2));
  EXPECT_EQ(*store_.FindTime(replica, 21), LogIndex(3));
  EXPECT_EQ(*store_.FindTime(replica, 41), LogIndex(5));
}

TEST_F(MemoryLogStoreTest, TruncationAndInstallBaseMoveThePosition) {
  LogScript script = NewLog(1, 3);
  const ReplicaPosition three = script.position();
  Append(&script, 4);
  const GroupWrite truncate = script.TruncateFrom(LogIndex(4), three);
  ASSERT_TRUE(store_.Commit({&truncate, 1}).ok());
  EXPECT_EQ(*store_.Position(script.replica()), three);

  GroupBase base = three.base;
  base.id = {Term(5), LogIndex(100)};
  base.offset = Offset(1000);
  base.append_time_us = 77;
  const GroupWrite install = script.InstallBase(base);
  ASSERT_TRUE(store_.Commit({&install, 1}).ok());
  EXPECT_EQ(*store_.Position(script.replica()), script.position());
  script.set_term(Term(6));
  Append(&script, 2);
  EXPECT_EQ(*store_.FindOffset(script.replica(), Offset(1003)), LogIndex(102));
  EXPECT_EQ(store_.FindOffset(script.replica(), Offset(999)).status().code(),
            absl::StatusCode::kOutOfRange);
  const auto starts = store_.TermStarts(script.replica());
  ASSERT_EQ(starts->size(), 1u);
  EXPECT_EQ(starts->front(), (raft::EntryId{Term(6), LogIndex(101)}));
}

TEST_F(MemoryLogStoreTest, SideRowsComeWithTheWriteAndInOrder) {
  LogScript script = NewLog(1, 0);
  GroupWrite write = script.Empty();
  write.side_rows = {{SideTable::kProducers, "a1", "one"},
                     {SideTable::kProducers, "a2", "two"},
                     {SideTable::kProducers, "b", "three"},
                     {SideTable::kProducers, "a1", std::nullopt},
                     {SideTable::kMetadata, "a3", "four"}};
  ASSERT_TRUE(store_.Commit({&write, 1}).ok());
  EXPECT_EQ(*store_.GetSideRow(SideTable::kProducers, "a1"), std::nullopt);
  EXPECT_EQ(*store_.GetSideRow(SideTable::kProducers, "b"), "three");
  std::string keys;
  ASSERT_TRUE(store_
                  .ScanSideRows(SideTable::kProducers, "a",
                                [&](std::string_view key, std::string_view) {
                                  keys.append(key);
                                  return true;
                                })
                  .ok());
  EXPECT_EQ(keys, "a2");
}

TEST_F(MemoryLogStoreTest, AFailedWriteChangesNothing) {
  LogScript script = NewLog(1, 1);
  const ReplicaPosition before = script.position();
  store_.FailWrites(absl::UnavailableError("sync failed"));
  GroupWrite write = script.Empty();
  write.entries.push_back(script.Records("lost"));
  EXPECT_FALSE(store_.Commit({&write, 1}).ok());
  EXPECT_EQ(*store_.Position(script.replica()), before);
  store_.FailWrites(absl::OkStatus());
  EXPECT_TRUE(store_.Commit({&write, 1}).ok());
}

TEST_F(MemoryLogStoreTest, ADamagedEntryIsDataLossAndEndsAReadBeforeIt) {
  const LogScript script = NewLog(1, 3);
  store_.DamageEntry(script.replica(), LogIndex(2));
  EXPECT_EQ(store_
                .Read(script.replica(), LogIndex(1), LogIndex(3), 1000,
                      ReadClass::kPoint)
                ->size(),
            1u);
  EXPECT_EQ(store_
                .Read(script.replica(), LogIndex(2), LogIndex(3), 1000,
                      ReadClass::kPoint)
                .status()
                .code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(store_.ReadHeader(script.replica(), LogIndex(2)).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(MemoryLogStoreDeathTest, AGapBetweenEntriesIsOurBug) {
  MemoryLogStore store;
  const ReplicaSpec spec = SpecOfGroup(1);
  LogScript script(store.CreateReplicas({&spec, 1})->front(), spec);
  script.Records("never written");
  GroupWrite write = script.Empty();
  write.entries.push_back(script.Records("second"));
  EXPECT_DEATH(store.Commit({&write, 1}).IgnoreError(), "does not follow");
}

}  // namespace
}  // namespace kappa::storage
