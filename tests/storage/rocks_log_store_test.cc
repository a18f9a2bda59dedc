#include "storage/rocks_log_store.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/producer_record.h"
#include "tests/storage/directory_damage.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

using testing::HasSubstr;

class RocksLogStoreTest : public testing::Test {
 protected:
  RocksLogStoreTest() : path_(FreshDirectory("data")) {}

  RocksLogStoreOptions Options() const {
    RocksLogStoreOptions options;
    options.directory = path_;
    options.on_fatal = [](const absl::Status& status) {
      ADD_FAILURE() << "fatal: " << status;
    };
    return options;
  }

  void Open() { OpenWith(Options()); }
  void OpenWith(RocksLogStoreOptions options) {
    auto store = RocksLogStore::Open(std::move(options));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Reopen() {
    store_.reset();
    Open();
  }
  // Goes on with a copy of the files as they are now.
  void Crash() {
    const std::string copy = path_ + "-crashed";
    CopyTree(path_, copy);
    store_.reset();
    CopyTree(copy, path_);
    Open();
  }

  LogScript NewLog(uint64_t group) {
    const ReplicaSpec spec = SpecOfGroup(group);
    const auto numbers = store_->CreateReplicas({&spec, 1});
    EXPECT_TRUE(numbers.ok()) << numbers.status();
    LogScript script(numbers->front(), spec);
    script.set_time_step_us(10);
    return script;
  }

  void Append(LogScript* script, int batches, size_t payload_bytes = 20) {
    GroupWrite write = script->Empty();
    for (int i = 0; i < batches; ++i) {
      write.entries.push_back(script->Records(
          std::string(payload_bytes, static_cast<char>('a' + i % 26)), 3));
    }
    const absl::Status status = store_->Commit({&write, 1});
    ASSERT_TRUE(status.ok()) << status;
  }

  std::vector<StoredEntry> ReadAll(const LogScript& script,
                                   ReadClass read_class = ReadClass::kReplay) {
    std::vector<StoredEntry> all;
    LogIndex next = script.position().base.id.index.Next();
    while (next <= script.last()) {
      auto some =
          store_->Read(script.replica(), next, script.last(), 1000, read_class);
      EXPECT_TRUE(some.ok()) << some.status();
      if (!some.ok() || some->empty()) break;
      next = some->back().header.index.Next();
      std::move(some->begin(), some->end(), std::back_inserter(all));
    }
    return all;
  }

  // The store holds what the script wrote, up to its chain digest.
  void ExpectHolds(const LogScript& script) {
    const auto position = store_->Position(script.replica());
    ASSERT_TRUE(position.ok()) << position.status();
    EXPECT_EQ(*position, script.position());
    const std::vector<StoredEntry> all = ReadAll(script);
    EXPECT_EQ(all.size(), script.last() - script.position().base.id.index);
    if (!all.empty()) {
      EXPECT_EQ(all.back().header.chain, script.position().chain);
    }
  }

  const std::string path_;
  std::unique_ptr<RocksLogStore> store_;
};

TEST_F(RocksLogStoreTest, NewDirectoryIsEmpty) {
  Open();
  EXPECT_TRUE(store_->open_report().created);
  EXPECT_TRUE(store_->Replicas().empty());
  EXPECT_EQ(store_->generation().cycle, 1u);  // the row of the open
  EXPECT_NE(store_->generation().open_id, 0u);
}

TEST_F(RocksLogStoreTest, HoldsWhatWasCommitted) {
  Open();
  LogScript log = NewLog(1);
  LogScript other = NewLog(2);
  for (int i = 0; i < 5; ++i) {
    Append(&log, 3);
    Append(&other, 1, 1000);
  }
  ExpectHolds(log);
  ExpectHolds(other);
  EXPECT_EQ(ReadAll(log)[4].payload.ToString(), std::string(20, 'b'));
}

TEST_F(RocksLogStoreTest, SurvivesACleanEnd) {
  Open();
  LogScript log = NewLog(1);
  Append(&log, 10);
  const Generation before = store_->generation();
  Reopen();
  ExpectHolds(log);
  EXPECT_FALSE(store_->open_report().created);
  EXPECT_EQ(store_->open_report().recovered_cycle, before.cycle);
  EXPECT_EQ(store_->open_report().watermark_cycle, before.cycle);
  EXPECT_EQ(store_->generation().cycle, before.cycle + 1);
  EXPECT_NE(store_->generation().open_id, before.open_id);
  Append(&log, 10);
  ExpectHolds(log);
}

TEST_F(RocksLogStoreTest, SurvivesACrash) {
  Open();
  LogScript log = NewLog(1);
  LogScript quiet = NewLog(2);
  Append(&quiet, 2);
  for (int i = 0; i < 4; ++i) Append(&log, 5);
  Crash();
  ExpectHolds(log);
  ExpectHolds(quiet);
  EXPECT_EQ(store_->open_report().entries_walked, 22u);
  Append(&log, 5);
  Crash();
  ExpectHolds(log);
  EXPECT_EQ(store_->open_report().entries_walked, 5u);
}

TEST_F(RocksLogStoreTest, PayloadsOutliveLaterWritesAndFlushes) {
  RocksLogStoreOptions options = Options();
  options.memtable_bytes = size_t{8} << 20;
  OpenWith(options);
  LogScript log = NewLog(1);
  Append(&log, 4, 100'000);
  std::vector<StoredEntry> read = ReadAll(log);
  std::vector<std::string> expected;
  for (const StoredEntry& entry : read) {
    expected.push_back(entry.payload.ToString());
  }
  for (int i = 0; i < 30; ++i) Append(&log, 10, 100'000);  // three flushes
  for (size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].payload.ToString(), expected[i]);
  }
  store_.reset();
  for (size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].payload.ToString(), expected[i]);
  }
}

TEST_F(RocksLogStoreTest, ReadIsBoundedInBytesButGivesOne) {
  Open();
  LogScript log = NewLog(1);
  Append(&log, 10, 100);
  for (const ReadClass read_class : {ReadClass::kPoint, ReadClass::kReplay}) {
    const auto read = [&](LogIndex from, LogIndex last, size_t bytes) {
      return store_->Read(log.replica(), from, last, bytes, read_class)->size();
    };
    EXPECT_EQ(read(LogIndex(1), LogIndex(10), 250), 3u);
    EXPECT_EQ(read(LogIndex(1), LogIndex(10), 1), 1u);
    EXPECT_EQ(read(LogIndex(1), LogIndex(10), 0), 1u);
    EXPECT_EQ(read(LogIndex(4), LogIndex(5), 9999), 2u);
    EXPECT_EQ(read(LogIndex(10), LogIndex(99), 9999), 1u);
    EXPECT_EQ(read(LogIndex(11), LogIndex(99), 9999), 0u);
  }
  EXPECT_TRUE(absl::IsOutOfRange(
      store_
          ->Read(log.replica(), LogIndex(0), LogIndex(9), 9, ReadClass::kPoint)
          .status()));
  EXPECT_TRUE(absl::IsNotFound(store_
                                   ->Read(ReplicaNumber(99), LogIndex(1),
                                          LogIndex(9), 9, ReadClass::kPoint)
                                   .status()));
}

TEST_F(RocksLogStoreTest, TruncationReplacesASuffix) {
  Open();
  LogScript log = NewLog(1);
  Append(&log, 5);
  const ReplicaPosition kept = log.position();
  Append(&log, 5);
  GroupWrite write = log.TruncateFrom(LogIndex(6), kept);
  log.set_term(Term(2));
  write.entries.push_back(log.Records("new", 1));
  ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  ExpectHolds(log);
  EXPECT_EQ(log.last(), LogIndex(6));
  EXPECT_EQ(ReadAll(log).back().payload.ToString(), "new");
  EXPECT_EQ(*store_->TermStarts(log.replica()),
            (std::vector<raft::EntryId>{{Term(1), LogIndex(1)},
                                        {Term(2), LogIndex(6)}}));
  Crash();
  ExpectHolds(log);
  Append(&log, 10);
  ExpectHolds(log);
  Crash();
  ExpectHolds(log);
}

TEST_F(RocksLogStoreTest, InstalledBaseDropsTheLog) {
  Open();
  LogScript log = NewLog(1);
  Append(&log, 10);
  GroupBase base;
  base.id = {Term(4), LogIndex(100)};
  base.offset = Offset(500);
  base.chain.fill(9);
  base.append_time_us = 12345;
  GroupWrite write = log.InstallBase(base);
  ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  EXPECT_EQ(store_->Position(log.replica())->last.index, LogIndex(100));
  EXPECT_TRUE(absl::IsOutOfRange(store_
                                     ->Read(log.replica(), LogIndex(10),
                                            LogIndex(10), 9, ReadClass::kPoint)
                                     .status()));
  Crash();
  log.set_term(Term(4));
  Append(&log, 3);
  Crash();
  ExpectHolds(log);
  EXPECT_EQ(store_->FindOffset(log.replica(), Offset(503)).value(),
            LogIndex(102));
}

TEST_F(RocksLogStoreTest, FindsOffsetsAndTimes) {
  Open();
  LogScript log = NewLog(1);
  for (int i = 0; i < 20; ++i) Append(&log, 5);  // three records each
  const std::vector<StoredEntry> all = ReadAll(log);
  for (const StoredEntry& entry : all) {
    const EntryHeader& header = entry.header;
    for (uint32_t i = 0; i < 3; ++i) {
      EXPECT_EQ(*store_->FindOffset(log.replica(), header.base_offset + i),
                header.index);
    }
    EXPECT_EQ(*store_->FindTime(log.replica(), header.append_time_us),
              header.index);
    EXPECT_EQ(*store_->FindTime(log.replica(), header.append_time_us - 1),
              header.index);
  }
  EXPECT_EQ(*store_->FindOffset(log.replica(), Offset(300)), LogIndex(101));
  EXPECT_EQ(*store_->FindTime(log.replica(), int64_t{1} << 60), LogIndex(101));
}

TEST_F(RocksLogStoreTest, HardStateIsKept) {
  Open();
  LogScript log = NewLog(1);
  GroupWrite write = log.Empty();
  raft::HardState state;
  state.term = Term(7);
  state.vote = ReplicaId{NodeId(3), Incarnation(2)};
  write.hard_state = state;
  ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  Crash();
  EXPECT_EQ(store_->Position(log.replica())->hard_state, state);
}

TEST_F(RocksLogStoreTest, SideRowsArePartOfTheCycle) {
  Open();
  LogScript log = NewLog(1);
  GroupWrite write = log.Empty();
  write.side_rows = {{SideTable::kMetadata, "a1", "x"},
                     {SideTable::kMetadata, "a2", "y"},
                     {SideTable::kMetadata, "b", "z"},
                     {SideTable::kProducers, "a1", "other"}};
  ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  write.side_rows = {{SideTable::kMetadata, "a2", std::nullopt}};
  ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  Crash();
  EXPECT_EQ(*store_->GetSideRow(SideTable::kMetadata, "a1"), "x");
  EXPECT_EQ(*store_->GetSideRow(SideTable::kMetadata, "a2"), std::nullopt);
  EXPECT_EQ(*store_->GetSideRow(SideTable::kProducers, "a1"), "other");
  std::vector<std::string> keys;
  ASSERT_TRUE(store_
                  ->ScanSideRows(SideTable::kMetadata, "a",
                                 [&](std::string_view key, std::string_view) {
                                   keys.emplace_back(key);
                                   return true;
                                 })
                  .ok());
  EXPECT_EQ(keys, std::vector<std::string>{"a1"});
}

TEST_F(RocksLogStoreTest, DroppedReplicaStaysDropped) {
  Open();
  const LogScript log = NewLog(1);
  const ReplicaNumber number = log.replica();
  ASSERT_TRUE(store_->DropReplicas({&number, 1}).ok());
  EXPECT_TRUE(absl::IsNotFound(store_->Position(number).status()));
  ASSERT_TRUE(store_->DropReplicas({&number, 1}).ok());  // again: nothing
  Crash();
  EXPECT_TRUE(store_->Replicas().empty());
  EXPECT_GT(NewLog(1).replica(), number);
}

TEST_F(RocksLogStoreTest, ProducerRowsGoWithTheirReplica) {
  Open();
  const LogScript kept = NewLog(1);
  const LogScript log = NewLog(2);
  const auto put_row = [this](const LogScript& of) {
    GroupWrite write = of.Empty();
    write.side_rows = {{SideTable::kProducers,
                        ProducerRowsPrefix(of.replica()) + "row", "value"}};
    ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  };
  put_row(kept);
  put_row(log);
  const ReplicaNumber number = log.replica();
  ASSERT_TRUE(store_->DropReplicas({&number, 1}).ok());
  Crash();
  std::vector<std::string> keys;
  ASSERT_TRUE(store_
                  ->ScanSideRows(SideTable::kProducers, "",
                                 [&](std::string_view key, std::string_view) {
                                   keys.emplace_back(key);
                                   return true;
                                 })
                  .ok());
  EXPECT_EQ(keys, std::vector<std::string>{ProducerRowsPrefix(kept.replica()) +
                                           "row"});
}

TEST_F(RocksLogStoreTest, CycleRowsDoNotPileUp) {
  RocksLogStoreOptions options = Options();
  options.memtable_bytes = size_t{8} << 20;
  OpenWith(options);
  LogScript log = NewLog(1);
  for (int i = 0; i < 60; ++i) Append(&log, 10, 100'000);
  Crash();  // walks the rows that are kept
  ExpectHolds(log);
  for (int i = 0; i < 5; ++i) Reopen();
  ExpectHolds(log);
}

TEST_F(RocksLogStoreTest, SecondOpenIsRefused) {
  Open();
  const auto second = RocksLogStore::Open(Options());
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status()));
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("is in use by process"));
}

TEST_F(RocksLogStoreTest, NewerFormatIsRefused) {
  Open();
  store_.reset();
  WriteAll(path_ + "/FORMAT", "kappa data directory, format 9\n");
  const auto store = RocksLogStore::Open(Options());
  EXPECT_TRUE(absl::IsFailedPrecondition(store.status()));
  EXPECT_THAT(std::string(store.status().message()),
              HasSubstr("use a newer kappad"));
}

TEST_F(RocksLogStoreTest, TooSmallSegmentsAreRefused) {
  RocksLogStoreOptions options = Options();
  options.segment_bytes = kSegmentBytesMin - 1;
  EXPECT_TRUE(
      absl::IsFailedPrecondition(RocksLogStore::Open(options).status()));
}

TEST_F(RocksLogStoreTest, WorksWithoutDirectIo) {
  RocksLogStoreOptions options = Options();
  options.direct_io = false;
  OpenWith(options);
  LogScript log = NewLog(1);
  Append(&log, 10);
  Reopen();  // and with it
  ExpectHolds(log);
}

}  // namespace
}  // namespace kappa::storage
