// Damaged entries of the store on RocksDB: repaired in rows of their own, then
// in files that are written anew, with a crash after each step.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/mutex.h"
#include "storage/log_audit.h"
#include "storage/memory_log_store.h"
#include "storage/repair_check.h"
#include "storage/rocks_log_store.h"
#include "tests/storage/directory_damage.h"
#include "tests/storage/faulty_file_system.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPayloadBytes = 20'000;
// Repairs of the run do not settle within a test.
constexpr int64_t kNeverUs = int64_t{3600} * 1'000'000;
constexpr auto kDeadline = std::chrono::seconds(60);

class StoreRepairTest : public testing::Test {
 protected:
  StoreRepairTest() : path_(FreshDirectory("data")) {
    Open(path_);
    const ReplicaSpec spec = SpecOfGroup(1);
    log_.emplace(store_->CreateReplicas({&spec, 1})->front(), spec);
  }
  // Segments with many logs are written, not linked, when they are sealed.
  void AddLogs() {
    for (uint64_t group = 2; group < 20; ++group) {
      const ReplicaSpec spec = SpecOfGroup(group);
      LogScript other(store_->CreateReplicas({&spec, 1})->front(), spec);
      GroupWrite write = other.Empty();
      write.entries.push_back(other.Records("?"));
      ASSERT_TRUE(store_->Commit({&write, 1}).ok());
    }
  }

  void Open(const std::string& path, uint64_t segment_bytes = kSegmentBytesMin,
            int64_t settle_us = 0) {
    store_.reset();
    RocksLogStoreOptions options;
    options.directory = path;
    options.segment_bytes = segment_bytes;
    options.memtable_bytes = size_t{8} << 20;
    options.block_cache_bytes = size_t{64} << 10;
    options.direct_io = false;
    options.repair_settle_us = settle_us;
    options.sealed_file_bytes_max = size_t{256} << 10;
    options.file_system = std::make_shared<FaultyFileSystem>(
        [this](const std::string& operation, const std::string& file) {
          if (on_operation_) on_operation_(operation, file);
          return rocksdb::IOStatus::OK();
        });
    options.on_fatal = [](const absl::Status& status) {
      ADD_FAILURE() << "fatal: " << status;
    };
    options.on_commit_wanted = [this, writer = std::this_thread::get_id()] {
      if (std::this_thread::get_id() == writer) ++asked_by_writer_;
    };
    auto store = RocksLogStore::Open(std::move(options));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Append(int batches) {
    for (int i = 0; i < batches; ++i) {
      GroupWrite write = log_->Empty();
      std::string payload = absl::StrCat("<", originals_.size(), ">");
      payload.resize(kPayloadBytes, static_cast<char>('a' + i % 26));
      write.entries.push_back(log_->Records(std::move(payload)));
      originals_.push_back(write.entries.back());
      ASSERT_TRUE(store_->Commit({&write, 1}).ok());
    }
  }
  bool Await(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      EXPECT_TRUE(store_->Commit({}).ok());
      std::this_thread::yield();
    }
    return true;
  }
  void AppendUntilSealed(uint64_t count) {
    while (store_->stats().sealed_segments < count) Append(1);
  }
  static std::vector<std::string> SstFiles(const std::string& folder) {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().extension() == ".sst") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  bool IsWhole(LogIndex index) const {
    const auto read =
        store_->Read(log_->replica(), index, index, 1, ReadClass::kReplay);
    LogAudit audit;
    return read.ok() && read->size() == 1 && audit.Check(read->front()).ok();
  }
  std::vector<LogIndex> Damaged() const {
    std::vector<LogIndex> damaged;
    for (LogIndex i(1); i <= log_->last(); i = i.Next()) {
      if (!IsWhole(i)) damaged.push_back(i);
    }
    return damaged;
  }
  const EntryWrite& Original(LogIndex index) const {
    return originals_[index.value() - 1];
  }
  void Repair(const std::vector<LogIndex>& indexes) {
    GroupWrite write = log_->Empty();
    for (const LogIndex index : indexes) {
      write.repairs.push_back(Original(index));
    }
    ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  }
  // Through the middle of everything, as readers go.
  void ExpectHolds() const {
    LogAudit audit;
    LogIndex next(1);
    while (next <= log_->last()) {
      const auto read = store_->Read(log_->replica(), next, log_->last(),
                                     300'000, ReadClass::kReplay);
      ASSERT_TRUE(read.ok()) << read.status();
      for (const StoredEntry& entry : *read) {
        ASSERT_EQ(entry.header.index, next);
        ASSERT_EQ(audit.Check(entry), absl::OkStatus());
        ASSERT_EQ(entry.header.chain, Original(next).header.chain);
        ASSERT_EQ(entry.payload.ToString(), Original(next).payload.ToString());
        next = next.Next();
      }
    }
    EXPECT_EQ(store_->Position(log_->replica())->chain, log_->position().chain);
  }
  bool Rebuilt() const { return !fs::exists(Folder(path_, 0)); }
  static std::string Folder(const std::string& path, int generation) {
    return absl::StrCat(path, "/sealed/0000000000000001-", generation);
  }
  // Seals some, and damages the first segment at one place after the other.
  void SealAndDamage() {
    AddLogs();
    AppendUntilSealed(2);
    store_.reset();
    EXPECT_GE(SstFiles(Folder(path_, 0)).size(), 3u);
    const std::string file = SstFiles(Folder(path_, 0))[1];
    // Away from its ends, where what it says of itself stands.
    std::uniform_int_distribution<size_t> place(1,
                                                fs::file_size(file) * 9 / 10);
    for (int i = 0; i < 3; ++i) FlipBit(file, place(random_));
  }

  std::function<void(const std::string&, const std::string&)> on_operation_;
  std::atomic<int> asked_by_writer_{0};  // for a cycle
  const std::string path_;
  std::unique_ptr<RocksLogStore> store_;
  std::optional<LogScript> log_;
  std::vector<EntryWrite> originals_;
  std::mt19937 random_{20261126};
};

TEST_F(StoreRepairTest, ASealedFileIsWrittenAnewOnceAllIsRepaired) {
  SealAndDamage();
  for (int round = 0; round < 10; ++round) {
    Open(path_);
    std::vector<LogIndex> damaged = Damaged();
    ASSERT_FALSE(damaged.empty());
    // All but the last one: nothing can be written anew.
    const LogIndex last = damaged.back();
    damaged.pop_back();
    Repair(damaged);
    EXPECT_EQ(Damaged(), std::vector<LogIndex>{last});
    // One that is repaired while all is written anew is written once more.
    Open(path_, kSegmentBytesMin, kNeverUs);
    Repair({last});
    ExpectHolds();
    Open(path_);
    const std::string old = Folder(path_, round);
    ASSERT_TRUE(Await([&] { return !fs::exists(old); }));
    ExpectHolds();
    Append(1);
    Open(path_);
    ExpectHolds();
    store_.reset();
    const std::vector<std::string> files = SstFiles(Folder(path_, round + 1));
    const std::string file = files[static_cast<size_t>(round) % files.size()];
    std::uniform_int_distribution<size_t> place(1,
                                                fs::file_size(file) * 9 / 10);
    FlipBit(file, place(random_));
  }
}

TEST_F(StoreRepairTest, AFileThatIsGoneIsMadeAnew) {
  AddLogs();
  AppendUntilSealed(1);
  Append(5);
  Open(path_);  // flushes what the log holds
  store_.reset();
  fs::remove(SstFiles(Folder(path_, 0)).front());
  Open(path_);
  const std::vector<LogIndex> damaged = Damaged();
  ASSERT_GT(damaged.size(), 10u);
  Repair(damaged);
  ExpectHolds();
  ASSERT_TRUE(Await([&] { return Rebuilt(); }));
  ExpectHolds();
}

// What a crash leaves after each operation on the new files.
TEST_F(StoreRepairTest, ACrashAtAnyStepLosesNothing) {
  SealAndDamage();
  Open(path_);
  std::vector<std::string> copies;
  Mutex mutex;
  on_operation_ = [&](const std::string& /*operation*/,
                      const std::string& file) {
    if (file.find("/sealed/0000000000000001-1") == std::string::npos) return;
    MutexLock lock(&mutex);
    copies.push_back(absl::StrCat(path_, "-", copies.size()));
    CopyTree(path_, copies.back());
  };
  Repair(Damaged());
  const std::string repaired = path_ + "-repaired";
  CopyTree(path_, repaired);
  ASSERT_TRUE(Await([&] { return Rebuilt(); }));
  const std::string rebuilt = path_ + "-rebuilt";
  CopyTree(path_, rebuilt);
  // The row's end is a cycle of its own.
  ASSERT_TRUE(store_->Commit({}).ok());
  store_.reset();
  on_operation_ = nullptr;
  EXPECT_GE(copies.size(), 4u);
  copies.insert(copies.end(), {repaired, rebuilt, path_});
  for (const std::string& copy : copies) {
    SCOPED_TRACE(copy);
    Open(copy);
    ExpectHolds();
    ASSERT_TRUE(Await([&] { return !fs::exists(Folder(copy, 0)); }));
    ExpectHolds();
    store_.reset();
    if (copy != path_) fs::remove_all(copy);
  }
}

// What cannot be read any more because its replica was dropped is no damage.
TEST_F(StoreRepairTest, ADropWhileFilesAreWrittenAnewDoesNotEndThat) {
  AddLogs();
  AppendUntilSealed(2);
  store_.reset();
  // Of the last file, which the small logs stand in, too.
  const std::string file = SstFiles(Folder(path_, 0)).back();
  FlipBit(file, 1'000);
  Open(path_);
  std::atomic<bool> writes{false};
  std::atomic<bool> dropped{false};
  on_operation_ = [&](const std::string& operation, const std::string& path) {
    if (operation != "create" || writes ||
        path.find("/sealed/0000000000000001-1") == std::string::npos) {
      return;
    }
    writes = true;
    while (!dropped) std::this_thread::yield();
  };
  const std::vector<LogIndex> damaged = Damaged();
  ASSERT_FALSE(damaged.empty());
  Repair(damaged);
  ASSERT_TRUE(Await([&] { return writes.load(); }));
  std::vector<ReplicaNumber> others;
  for (const ReplicaInfo& replica : store_->Replicas()) {
    if (replica.number != log_->replica()) others.push_back(replica.number);
  }
  ASSERT_TRUE(store_->DropReplicas(others).ok());
  dropped = true;
  ASSERT_TRUE(Await([&] { return Rebuilt(); }));
  ExpectHolds();
  store_.reset();
  on_operation_ = nullptr;
}

// The rows of what stands in files again go with a cycle that is asked for.
TEST_F(StoreRepairTest, TheEndOfRowsAsksForACycle) {
  SealAndDamage();
  Open(path_);
  Repair(Damaged());
  ASSERT_TRUE(Await([&] { return asked_by_writer_ > 0; }));
  EXPECT_TRUE(Rebuilt() || fs::exists(Folder(path_, 1)));
  ExpectHolds();
}

// Of the active segment rows are read until it is sealed, whole.
TEST_F(StoreRepairTest, TheActiveSegmentIsSealedWithItsRepairs) {
  Open(path_, uint64_t{4} << 20);
  Append(120);
  Open(path_, uint64_t{4} << 20);  // flushes what the log holds
  store_.reset();
  const std::vector<std::string> files = SstFiles(path_ + "/db");
  ASSERT_FALSE(files.empty());
  size_t flipped = 0;
  for (const std::string& file : files) {
    const std::string bytes = ReadAll(file);
    const size_t place = bytes.find("<7>");
    if (place == std::string::npos) continue;
    FlipBit(file, place + 100);
    ++flipped;
  }
  ASSERT_EQ(flipped, 1u);
  Open(path_, uint64_t{4} << 20);
  const std::vector<LogIndex> damaged = Damaged();
  ASSERT_FALSE(damaged.empty());
  Repair(damaged);
  ExpectHolds();
  Open(path_, uint64_t{4} << 20);
  ExpectHolds();
  AppendUntilSealed(1);
  ExpectHolds();
  Open(path_, uint64_t{4} << 20);
  EXPECT_TRUE(Damaged().empty());
}

// Only the group row says what the last entry was.
class LastEntryTest : public StoreRepairTest,
                      public testing::WithParamInterface<int> {};

TEST_P(LastEntryTest, IsRepairedLikeAnyOther) {
  Open(path_, uint64_t{4} << 20);
  Append(30);
  Open(path_, uint64_t{4} << 20);  // flushes what the log holds
  // None, or some, that stand in the log of writes alone.
  Append(GetParam());
  store_.reset();
  for (const std::string& file : SstFiles(path_ + "/db")) {
    const size_t place = ReadAll(file).find("<29>");
    if (place != std::string::npos) FlipBit(file, place + 100);
  }
  Open(path_, uint64_t{4} << 20);
  ASSERT_EQ(*store_->Position(log_->replica()), log_->position());
  std::vector<LogIndex> damaged = Damaged();
  ASSERT_FALSE(damaged.empty());
  EXPECT_EQ(damaged.back(), LogIndex(30));
  std::vector<StoredEntry> copies;
  for (const LogIndex index : damaged) {
    copies.push_back({Original(index).header, Original(index).payload});
  }
  EXPECT_EQ(FindProven(*store_, log_->replica(), copies).proven,
            std::vector<bool>(copies.size(), true));
  copies.back().header.append_time_us += 1;
  EXPECT_FALSE(FindProven(*store_, log_->replica(), copies).proven.back());
  Append(1);
  Repair(damaged);
  ExpectHolds();
  Open(path_, uint64_t{4} << 20);
  ExpectHolds();
}

INSTANTIATE_TEST_SUITE_P(Behind, LastEntryTest, testing::Values(0, 3));

// A full segment is sealed by links to the damaged file, or not at all.
class FullSegmentTest : public StoreRepairTest,
                        public testing::WithParamInterface<bool> {};

TEST_P(FullSegmentTest, WaitsForItsRepair) {
  const bool written = GetParam();
  constexpr uint64_t kSegmentBytes = uint64_t{4} << 20;
  Open(path_, kSegmentBytes);
  if (written) AddLogs();
  Append(120);
  Open(path_, kSegmentBytes);  // flushes what the log holds
  store_.reset();
  for (const std::string& file : SstFiles(path_ + "/db")) {
    const size_t place = ReadAll(file).find("<7>");
    if (place != std::string::npos) FlipBit(file, place + 100);
  }
  Open(path_, kSegmentBytes);
  const std::vector<LogIndex> damaged = Damaged();
  ASSERT_FALSE(damaged.empty());
  AppendUntilSealed(1);
  EXPECT_EQ(fs::exists(Folder(path_, 0)), !written);
  Repair(damaged);
  ExpectHolds();
  const std::string whole = Folder(path_, written ? 0 : 1);
  const uint64_t sealed = written ? 2 : 1;
  ASSERT_TRUE(Await([&] {
    return fs::exists(whole) && store_->stats().sealed_segments >= sealed;
  }));
  ExpectHolds();
  Open(path_, kSegmentBytes);
  ExpectHolds();
}

INSTANTIATE_TEST_SUITE_P(Written, FullSegmentTest, testing::Bool());

TEST_F(StoreRepairTest, ATruncationTakesRepairsAlong) {
  Append(6);
  const ReplicaPosition position = log_->position();
  Repair({LogIndex(3), LogIndex(5)});
  ExpectHolds();
  const ReplicaPosition before = [&] {
    ReplicaPosition kept = position;
    const EntryHeader& header = Original(LogIndex(4)).header;
    kept.last = {header.term, header.index};
    kept.end_offset = header.next_offset();
    kept.chain = header.chain;
    kept.last_append_time_us = header.append_time_us;
    return kept;
  }();
  log_->set_term(Term(2));
  GroupWrite write = log_->TruncateFrom(LogIndex(5), before);
  originals_.resize(4);
  ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  Append(3);
  ExpectHolds();
  Open(path_);
  ExpectHolds();
}

// --- the check before it ---

class RepairCheckTest : public StoreRepairTest {
 protected:
  RepairCheckTest() {
    AppendUntilSealed(1);
    store_.reset();
    const std::string file = SstFiles(Folder(path_, 0)).front();
    FlipBit(file, ReadAll(file).find("<7>") + 100);
    Open(path_);
    damaged_ = Damaged();
  }
  StoredEntry Stored(LogIndex index) const {
    return {Original(index).header, Original(index).payload};
  }
  std::vector<StoredEntry> Copies() const {
    std::vector<StoredEntry> entries;
    for (const LogIndex index : damaged_) entries.push_back(Stored(index));
    return entries;
  }
  std::vector<bool> Proven(const std::vector<StoredEntry>& entries) {
    return Prove(entries).proven;
  }
  RepairProof Prove(const std::vector<StoredEntry>& entries) {
    return FindProven(*store_, log_->replica(), entries);
  }
  // `count` entries, of which the first one is proven only if `first`.
  static std::vector<bool> All(size_t count, bool first = true) {
    std::vector<bool> all(count, true);
    all[0] = first;
    return all;
  }
  static std::vector<bool> None(size_t count) {
    return std::vector<bool>(count, false);
  }
  std::vector<LogIndex> damaged_;
};

TEST_F(RepairCheckTest, EqualEntriesAreProvenFromBehind) {
  const size_t count = damaged_.size();
  ASSERT_GE(count, 2u);
  EXPECT_EQ(Proven(Copies()), All(count));
  // The last one by the one behind it, where it belongs by the one before it.
  EXPECT_EQ(Proven({Stored(damaged_[count - 2]), Stored(damaged_[count - 1])}),
            All(2, count == 2));
  // Nothing says where the first one leads.
  RepairProof proof = Prove({Stored(damaged_[0])});
  EXPECT_EQ(proof.proven, None(1));
  EXPECT_EQ(proof.damaged,
            std::vector<LogIndex>(damaged_.begin() + 1, damaged_.end()));
  // Nor where the last one belongs.
  proof = Prove({Stored(damaged_[count - 1])});
  EXPECT_EQ(proof.proven, None(1));
  EXPECT_EQ(proof.damaged.size(), count - 1);
  EXPECT_EQ(proof.damaged.front(), damaged_[count - 2]);
}

// In any pieces, from the last one on, as each is put back.
TEST_F(RepairCheckTest, WhatWasPutBackProvesWhatIsBeforeIt) {
  for (size_t i = damaged_.size(); i-- > 0;) {
    std::vector<StoredEntry> entries;
    if (i > 0) entries.push_back(Stored(damaged_[i - 1]));
    entries.push_back(Stored(damaged_[i]));
    const std::vector<bool> proven = Proven(entries);
    ASSERT_TRUE(proven.back()) << i;
    Repair({damaged_[i]});
  }
  EXPECT_TRUE(Damaged().empty());
}

TEST_F(RepairCheckTest, AnotherPayloadOrChainIsRefused) {
  const size_t count = damaged_.size();
  std::vector<StoredEntry> entries = Copies();
  const std::string other(kPayloadBytes, '?');
  entries[0].payload = Payload::FromString(other);
  entries[0].header.payload_crc32c = Crc32c(other);
  EXPECT_EQ(Proven(entries), All(count, false)) << "its SHA-256 is wrong";
  entries = Copies();
  entries[0].header.append_time_us += 1;
  EXPECT_EQ(Proven(entries), All(count, false)) << "its chain is wrong";
  entries = Copies();
  entries.back().header.base_offset = entries.back().header.base_offset + 1;
  EXPECT_EQ(Proven(entries), None(count));
}

// A whole other history, from the same place on, does not lead on to what
// stands behind.
TEST_F(RepairCheckTest, AnotherHistoryDoesNotLeadOn) {
  ReplicaPosition position = log_->position();
  const EntryHeader& before = Original(damaged_[0].Previous()).header;
  position.last = {before.term, before.index};
  position.end_offset = before.next_offset();
  position.chain = before.chain;
  position.last_append_time_us = before.append_time_us;
  LogScript other(log_->replica(), position);
  std::vector<StoredEntry> entries;
  for (size_t i = 0; i < damaged_.size(); ++i) {
    const EntryWrite write = other.Records(std::string(kPayloadBytes, '?'));
    entries.push_back({write.header, write.payload});
  }
  EXPECT_EQ(Proven(entries), None(entries.size()));
  // Nor does its beginning alone.
  entries.resize(1);
  EXPECT_EQ(Proven(entries), None(1));
}

// The header that stands there, whole, says what the entry must be.
TEST(RepairCheckOfHeaderTest, AStoredHeaderProvesItsEntry) {
  MemoryLogStore store;
  const ReplicaSpec spec = SpecOfGroup(1);
  LogScript log(store.CreateReplicas({&spec, 1})->front(), spec);
  GroupWrite write = log.Empty();
  for (int i = 0; i < 5; ++i) write.entries.push_back(log.Records("v"));
  ASSERT_TRUE(store.Commit({&write, 1}).ok());
  for (const uint64_t index : {2, 4}) {
    store.DamageEntry(log.replica(), LogIndex(index));
  }
  const StoredEntry third{write.entries[2].header, write.entries[2].payload};
  EXPECT_EQ(FindProven(store, log.replica(), {&third, 1}).proven,
            std::vector<bool>{true});
  StoredEntry other = third;
  other.header.payload_sha256[0] ^= 1;
  EXPECT_EQ(FindProven(store, log.replica(), {&other, 1}).proven,
            std::vector<bool>{false});
}

}  // namespace
}  // namespace kappa::storage
