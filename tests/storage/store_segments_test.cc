// Segments of the store on RocksDB: switched, sealed, rewritten, reopened.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/wire/mutex.h"
#include "storage/rocks_database.h"
#include "storage/rocks_log_store.h"
#include "tests/storage/directory_damage.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDeadlineUs = 120'000'000;

// Counts how often a cycle was asked for.
class Wishes {
 public:
  void Add() {
    MutexLock lock(&mutex_);
    ++count_;
    changed_.SignalAll();
  }
  // Takes one, waiting for it. False after the deadline.
  bool Take() {
    MutexLock lock(&mutex_);
    while (count_ == 0) {
      if (!changed_.WaitFor(&mutex_, kDeadlineUs)) return false;
    }
    --count_;
    return true;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

class StoreSegmentsTest : public testing::Test {
 protected:
  StoreSegmentsTest() : path_(FreshDirectory("data")) { Open(); }

  void Open() {
    RocksLogStoreOptions options;
    options.directory = path_;
    options.segment_bytes = kSegmentBytesMin;
    options.memtable_bytes = size_t{8} << 20;
    options.on_fatal = [](const absl::Status& status) {
      ADD_FAILURE() << "fatal: " << status;
    };
    options.on_commit_wanted = [this] { wishes_.Add(); };
    auto store = RocksLogStore::Open(std::move(options));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Crash() {
    const std::string copy = path_ + "-crashed";
    CopyTree(path_, copy);
    store_.reset();
    CopyTree(copy, path_);
    Open();
    // The copy was made while families came and went, and is no instant: its
    // MANIFEST may be newer than its log, by one family.
    live_segments_max_ = 4;
  }

  LogScript NewLog(uint64_t group) {
    const ReplicaSpec spec = SpecOfGroup(group);
    LogScript script(store_->CreateReplicas({&spec, 1})->front(), spec);
    script.set_time_step_us(10);
    return script;
  }
  void Append(LogScript* script, int batches, size_t payload_bytes) {
    GroupWrite write = script->Empty();
    for (int i = 0; i < batches; ++i) {
      write.entries.push_back(script->Records(
          std::string(payload_bytes, static_cast<char>('a' + i % 26)), 3));
    }
    ASSERT_TRUE(store_->Commit({&write, 1}).ok());
    EXPECT_LE(store_->stats().unsealed_segments, live_segments_max_);
  }
  // Records outcomes until that many segments are sealed.
  void AwaitSealed(uint64_t count) {
    while (store_->stats().sealed_segments < count) {
      ASSERT_TRUE(wishes_.Take()) << "nothing was sealed";
      ASSERT_TRUE(store_->Commit({}).ok());
    }
  }
  // Fills segments until that many are sealed.
  void AppendUntilSealed(std::vector<LogScript*> logs, uint64_t count) {
    while (store_->stats().sealed_segments < count) {
      for (LogScript* log : logs) Append(log, 2, 60'000);
    }
  }

  void ExpectHolds(const LogScript& script) {
    const auto position = store_->Position(script.replica());
    ASSERT_TRUE(position.ok());
    EXPECT_EQ(*position, script.position());
    LogIndex next = script.position().base.id.index.Next();
    while (next <= script.last()) {
      const auto read = store_->Read(script.replica(), next, script.last(),
                                     300'000, ReadClass::kReplay);
      ASSERT_TRUE(read.ok()) << read.status();
      ASSERT_FALSE(read->empty());
      for (const StoredEntry& entry : *read) {
        ASSERT_EQ(entry.header.index, next);
        next = next.Next();
      }
      if (next > script.last()) {
        EXPECT_EQ(read->back().header.chain, script.position().chain);
      }
    }
  }

  Wishes wishes_;
  const std::string path_;
  uint64_t live_segments_max_ = 3;
  std::unique_ptr<RocksLogStore> store_;
};

TEST_F(StoreSegmentsTest, FullSegmentsLeaveTheDatabase) {
  LogScript first = NewLog(1);
  LogScript second = NewLog(2);
  LogScript quiet = NewLog(3);
  Append(&quiet, 1, 10);
  AppendUntilSealed({&first, &second}, 5);
  ExpectHolds(first);
  ExpectHolds(second);
  ExpectHolds(quiet);
  Crash();
  EXPECT_GE(store_->open_report().sealed_segments, 5u);
  ExpectHolds(first);
  ExpectHolds(second);
  ExpectHolds(quiet);
  AppendUntilSealed({&second}, 8);
  ExpectHolds(second);
}

TEST_F(StoreSegmentsTest, FindsOffsetsAndTimesAcrossSegments) {
  LogScript log = NewLog(1);
  AppendUntilSealed({&log}, 4);
  for (uint64_t index = 1; index <= log.last().value(); ++index) {
    const auto header = store_->ReadHeader(log.replica(), LogIndex(index));
    ASSERT_TRUE(header.ok()) << header.status();
    EXPECT_EQ(*store_->FindOffset(log.replica(), header->base_offset),
              LogIndex(index));
    EXPECT_EQ(*store_->FindOffset(log.replica(), header->base_offset + 2),
              LogIndex(index));
    EXPECT_EQ(*store_->FindTime(log.replica(), header->append_time_us),
              LogIndex(index));
  }
  EXPECT_EQ(*store_->FindOffset(log.replica(), log.position().end_offset),
            log.last().Next());
}

TEST_F(StoreSegmentsTest, TruncationReachesIntoSealedSegments) {
  LogScript log = NewLog(1);
  Append(&log, 3, 100);
  const ReplicaPosition kept = log.position();
  AppendUntilSealed({&log}, 3);
  GroupWrite write = log.TruncateFrom(LogIndex(4), kept);
  log.set_term(Term(2));
  write.entries.push_back(log.Records("new", 1));
  ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  ExpectHolds(log);
  Crash();
  ExpectHolds(log);
  EXPECT_EQ(store_->TermStarts(log.replica())->size(), 2u);
  AppendUntilSealed({&log}, 3);
  ExpectHolds(log);
}

TEST_F(StoreSegmentsTest, PayloadsOutliveTheirSegment) {
  LogScript log = NewLog(1);
  LogScript other = NewLog(2);
  Append(&log, 8, 60'000);
  const auto live = store_->Read(log.replica(), LogIndex(1), LogIndex(8),
                                 size_t{1} << 20, ReadClass::kReplay);
  AppendUntilSealed({&other}, 2);
  const auto sealed = store_->Read(log.replica(), LogIndex(1), LogIndex(8),
                                   size_t{1} << 20, ReadClass::kReplay);
  ASSERT_TRUE(live.ok() && sealed.ok());
  ASSERT_EQ(sealed->size(), 8u);
  const ReplicaNumber dropped[] = {log.replica(), other.replica()};
  ASSERT_TRUE(store_->DropReplicas(dropped).ok());
  while (store_->stats().sealed_segments > 0) {
    ASSERT_TRUE(wishes_.Take());
    ASSERT_TRUE(store_->Commit({}).ok());
  }
  for (size_t i = 0; i < 8; ++i) {
    const std::string expected(60'000, static_cast<char>('a' + i));
    EXPECT_EQ((*live)[i].payload.ToString(), expected);
    EXPECT_EQ((*sealed)[i].payload.ToString(), expected);
  }
}

// Of its files; files may go meanwhile.
uint64_t BytesOf(const std::string& directory) {
  uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(directory, error), end;
       !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (at->is_regular_file(gone)) {
      const uint64_t size = at->file_size(gone);
      if (!gone) bytes += size;
    }
  }
  return error ? ~uint64_t{0} : bytes;
}

// Dropping a replica is recorded at once; rewriting gives its space back.
TEST_F(StoreSegmentsTest, SpaceOfADroppedReplicaReturns) {
  LogScript kept = NewLog(1);
  LogScript dropped = NewLog(2);
  AppendUntilSealed({&kept, &dropped}, 12);
  // What remains: some of it is not sealed yet.
  const uint64_t kept_bytes = kept.last().value() * 60'000;
  const uint64_t target_bytes = kept_bytes * 115 / 100;
  ASSERT_GT(BytesOf(path_ + "/sealed"), target_bytes);
  const ReplicaNumber number = dropped.replica();
  ASSERT_TRUE(store_->DropReplicas({&number, 1}).ok());
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::microseconds(kDeadlineUs);
  while (BytesOf(path_ + "/sealed") > target_bytes) {
    // Files go after the cycle, at the lifecycle's leisure.
    ASSERT_LT(std::chrono::steady_clock::now(), deadline)
        << "space did not return";
    ASSERT_TRUE(store_->Commit({}).ok());
    std::this_thread::yield();
  }
  ExpectHolds(kept);
  Crash();
  ExpectHolds(kept);
  EXPECT_EQ(store_->Replicas().size(), 1u);
}

TEST_F(StoreSegmentsTest, LeftoversOfASealAreRemovedAtOpen) {
  LogScript log = NewLog(1);
  AppendUntilSealed({&log}, 2);
  store_.reset();
  // As after a crash between the row and the end of the family, and one
  // between the files and the row.
  {
    RocksSettings settings;
    settings.memtable_bytes = size_t{8} << 20;
    settings.block_cache = rocksdb::NewLRUCache(1 << 20);
    auto database = RocksDatabase::Open(path_ + "/db", settings, {});
    ASSERT_TRUE(database.ok()) << database.status();
    ASSERT_TRUE((*database)->CreateSegment(SegmentNumber(1)).ok());
  }
  const std::string leftover = path_ + "/sealed/00000000000000ff-0";
  fs::create_directory(leftover);
  WriteAll(leftover + "/000001.sst", "half");
  Open();
  EXPECT_FALSE(fs::exists(leftover));
  ExpectHolds(log);
  EXPECT_LE(store_->stats().unsealed_segments, 3u);
  Append(&log, 1, 10);
  ExpectHolds(log);
}

TEST_F(StoreSegmentsTest, DamagedSealedEntryIsNotServed) {
  LogScript log = NewLog(1);
  LogScript other = NewLog(2);
  AppendUntilSealed({&log, &other}, 2);
  store_.reset();
  std::string victim;
  for (const auto& entry :
       fs::recursive_directory_iterator(path_ + "/sealed")) {
    if (entry.path().string().ends_with(".sst") &&
        (victim.empty() || entry.path().string() < victim)) {
      victim = entry.path().string();
    }
  }
  FlipBit(victim, 130'000);  // in the payload of the third entry
  Open();
  const auto sound = store_->Read(log.replica(), LogIndex(1), LogIndex(99),
                                  size_t{1} << 30, ReadClass::kReplay);
  ASSERT_TRUE(sound.ok()) << sound.status();
  ASSERT_EQ(sound->size(), 2u);  // what stands before the damage
  for (const ReadClass read_class : {ReadClass::kPoint, ReadClass::kReplay}) {
    const auto read = store_->Read(log.replica(), LogIndex(3), LogIndex(99),
                                   size_t{1} << 30, read_class);
    EXPECT_TRUE(absl::IsDataLoss(read.status())) << read.status();
    EXPECT_THAT(std::string(read.status().message()),
                testing::HasSubstr("entry 3 of replica 1"));
  }
  ExpectHolds(other);
}

// Readers never see a hole or a half state, whatever the writer does.
TEST_F(StoreSegmentsTest, ReadersRunBesideEverything) {
  LogScript log = NewLog(1);
  Append(&log, 1, 100);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> rounds{0};
  std::vector<std::thread> readers;
  for (const ReadClass read_class : {ReadClass::kPoint, ReadClass::kReplay}) {
    readers.emplace_back([&, read_class] {
      while (!stop) {
        const auto position = store_->Position(log.replica());
        const auto read =
            store_->Read(log.replica(), LogIndex(1), position->last.index,
                         size_t{4} << 20, read_class);
        EXPECT_TRUE(read.ok()) << read.status();
        if (!read.ok()) return;
        for (size_t i = 0; i < read->size(); ++i) {
          EXPECT_EQ((*read)[i].header.index, LogIndex(i + 1));
          EXPECT_EQ((*read)[i].payload.bytes(),
                    (*read)[i].header.payload_bytes);
        }
        ++rounds;
      }
    });
  }
  for (int round = 0; round < 16; ++round) {
    Append(&log, 2, 60'000);
    const ReplicaPosition kept = log.position();
    Append(&log, 3, 60'000);
    GroupWrite write = log.TruncateFrom(kept.last.index.Next(), kept);
    log.set_term(log.term().Next());
    write.entries.push_back(log.Records("after", 1));
    EXPECT_TRUE(store_->Commit({&write, 1}).ok());
  }
  while (rounds < 4) std::this_thread::yield();
  stop = true;
  for (std::thread& reader : readers) reader.join();
  ExpectHolds(log);
  EXPECT_GE(store_->stats().sealed_segments, 1u);
}

}  // namespace
}  // namespace kappa::storage
