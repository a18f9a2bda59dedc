// What RocksDB does not notice (FAULTS.md) must be noticed at open, and nothing
// may be changed by noticing it (RELIABILITY.md S2–S4).
#include "storage/verified_open.h"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/group_row.h"
#include "storage/keys.h"
#include "storage/rocks_log_store.h"
#include "tests/storage/directory_damage.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

RocksLogStoreOptions OptionsOf(const std::string& directory) {
  RocksLogStoreOptions options;
  options.directory = directory;
  return options;
}

// A data directory as a crash leaves it, with everything in the log.
class VerifiedOpenTest : public testing::Test {
 protected:
  static constexpr int kCycles = 40;

  VerifiedOpenTest()
      : live_(FreshDirectory("live")), path_(FreshDirectory("crashed")) {
    auto store = RocksLogStore::Open(OptionsOf(live_));
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    const ReplicaSpec spec = SpecOfGroup(1);
    log_.emplace(store_->CreateReplicas({&spec, 1})->front(), spec);
    for (int i = 0; i < kCycles; ++i) Append();
    CopyTree(live_, path_);
  }

  // One more cycle in the live directory.
  void Append() {
    GroupWrite write = log_->Empty();
    write.entries.push_back(log_->Records(std::string(5000, 'x'), 2));
    ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  }

  uint64_t cycle() const { return store_->generation().cycle; }

  // The copy is refused, with a message that has all of this in it, and stays
  // as it is.
  void ExpectRefused(const std::vector<std::string>& parts) {
    const std::map<std::string, std::string> before = TreeOf(path_);
    const auto store = RocksLogStore::Open(OptionsOf(path_));
    ASSERT_FALSE(store.ok());
    EXPECT_TRUE(absl::IsDataLoss(store.status())) << store.status();
    const std::string message(store.status().message());
    EXPECT_THAT(message, HasSubstr(path_));
    for (const std::string& part : parts) {
      EXPECT_THAT(message, HasSubstr(part));
    }
    EXPECT_TRUE(TreeOf(path_) == before) << "files were changed";
  }

  // The copy opens and holds the log up to `entries`.
  std::unique_ptr<RocksLogStore> ExpectOpens(int entries = kCycles) {
    auto store = RocksLogStore::Open(OptionsOf(path_));
    EXPECT_TRUE(store.ok()) << store.status();
    if (!store.ok()) return nullptr;
    const auto position = (*store)->Position(log_->replica());
    EXPECT_TRUE(position.ok());
    EXPECT_EQ(position->last.index, LogIndex(static_cast<uint64_t>(entries)));
    const auto read =
        (*store)->Read(log_->replica(), LogIndex(1), position->last.index,
                       size_t{1} << 30, ReadClass::kPoint);
    EXPECT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->size(), static_cast<size_t>(entries));
    return *std::move(store);
  }

  std::string Cycles(uint64_t first, uint64_t last) const {
    return "cycles " + std::to_string(first) + " to " + std::to_string(last) +
           " are lost";
  }
  std::string Against(uint64_t watermark, uint64_t recovered) const {
    return "(watermark: cycle " + std::to_string(watermark) +
           "; recovered: cycle " + std::to_string(recovered) + ")";
  }

  // Changes the copy's database with RocksDB's own means.
  void Tamper(const std::function<void(RocksDatabase*)>& change) {
    RocksSettings settings;
    settings.memtable_bytes = size_t{64} << 20;
    settings.block_cache = rocksdb::NewLRUCache(1 << 20);
    auto database = RocksDatabase::Open(path_ + "/db", settings, {});
    ASSERT_TRUE(database.ok()) << database.status();
    change(database->get());
  }

  const std::string live_;
  const std::string path_;
  std::unique_ptr<RocksLogStore> store_;
  std::optional<LogScript> log_;
};

TEST_F(VerifiedOpenTest, CrashedDirectoryOpens) {
  const auto store = ExpectOpens();
  EXPECT_EQ(store->open_report().entries_walked, uint64_t{kCycles});
  EXPECT_EQ(store->open_report().recovered_cycle, cycle());
  EXPECT_FALSE(store->open_report().torn_tail);
  EXPECT_FALSE(store->open_report().watermark_slot_damaged);
}

TEST_F(VerifiedOpenTest, LogCutOnARecordBoundary) {
  const std::string wal = WalOf(path_);
  const std::vector<size_t> records = WalRecords(wal);
  CutAt(wal, records[records.size() - 3]);
  ExpectRefused({Cycles(cycle() - 2, cycle()), Against(cycle(), cycle() - 3)});
}

TEST_F(VerifiedOpenTest, LogCutInsideTheLastRecord) {
  const std::string wal = WalOf(path_);
  CutAt(wal, WalRecords(wal).back() + 100);
  ExpectRefused({Cycles(cycle(), cycle()), Against(cycle(), cycle() - 1)});
}

TEST_F(VerifiedOpenTest, LogCutInTheMiddle) {
  const std::string wal = WalOf(path_);
  CutAt(wal, WalRecords(wal)[kCycles / 2] + 100);
  ExpectRefused({"are lost", "watermark: cycle " + std::to_string(cycle())});
}

TEST_F(VerifiedOpenTest, BitFlipInTheMiddleOfTheLog) {
  const std::string wal = WalOf(path_);
  FlipBit(wal, WalRecords(wal)[kCycles / 2] + 100);
  ExpectRefused({"Corruption", "recovered: nothing"});
}

TEST_F(VerifiedOpenTest, BitFlipInTheLastAcknowledgedRecord) {
  const std::string wal = WalOf(path_);
  FlipBit(wal, WalRecords(wal).back() + 200);
  ExpectRefused({"watermark: cycle " + std::to_string(cycle())});
}

// RocksDB opens this with status OK and recovers every later cycle.
TEST_F(VerifiedOpenTest, ZeroedBlockInTheMiddleOfTheLog) {
  const std::string wal = WalOf(path_);
  ZeroRange(wal, 2 * 32768, 32768);
  ExpectRefused({"watermark: cycle " + std::to_string(cycle())});
}

TEST_F(VerifiedOpenTest, ZeroedEndOfTheLog) {
  const std::string wal = WalOf(path_);
  const size_t from = WalRecords(wal)[kCycles / 2];
  ZeroRange(wal, from, fs::file_size(wal) - from);
  ExpectRefused({"are lost"});
}

TEST_F(VerifiedOpenTest, DeletedLog) {
  fs::remove(WalOf(path_));
  ExpectRefused({"watermark: cycle " + std::to_string(cycle())});
}

TEST_F(VerifiedOpenTest, EmptiedLog) {
  CutAt(WalOf(path_), 0);
  ExpectRefused({Cycles(1, cycle()), Against(cycle(), 0)});
}

// A record that nobody was told about: the watermark is the one before it.
TEST_F(VerifiedOpenTest, TornTailThatWasNotAcknowledged) {
  Append();
  const std::string watermark = ReadAll(path_ + "/watermark");
  CopyTree(live_, path_);
  WriteAll(path_ + "/watermark", watermark);
  const std::string wal = WalOf(path_);
  CutAt(wal, WalRecords(wal).back() + 100);
  const auto store = ExpectOpens();
  EXPECT_EQ(store->open_report().recovered_cycle, cycle() - 1);
}

TEST_F(VerifiedOpenTest, DamagedTailThatWasNotAcknowledged) {
  Append();
  const std::string watermark = ReadAll(path_ + "/watermark");
  CopyTree(live_, path_);
  WriteAll(path_ + "/watermark", watermark);
  const std::string wal = WalOf(path_);
  FlipBit(wal, WalRecords(wal).back() + 200);
  {
    const auto store = ExpectOpens();
    EXPECT_TRUE(store->open_report().torn_tail);
    EXPECT_EQ(store->open_report().watermark_cycle, cycle() - 1);
  }
  // The tail is gone, and the next open finds nothing special.
  EXPECT_FALSE(ExpectOpens()->open_report().torn_tail);
}

TEST_F(VerifiedOpenTest, WholeCycleThatWasNotAcknowledgedIsKept) {
  Append();
  const std::string watermark = ReadAll(path_ + "/watermark");
  CopyTree(live_, path_);
  WriteAll(path_ + "/watermark", watermark);
  ExpectOpens(kCycles + 1);
}

// The last cycles are small: the watermark holds a copy of each.
class CycleCopyTest : public VerifiedOpenTest {
 protected:
  static constexpr int kSmallCycles = 3;
  static constexpr int kEntries = kCycles + kSmallCycles;

  CycleCopyTest() {
    for (int i = 0; i < kSmallCycles; ++i) {
      GroupWrite write = log_->Empty();
      write.entries.push_back(log_->Records(std::string(1000, 'y'), 1));
      EXPECT_TRUE(store_->Commit({&write, 1}).ok());
    }
    CopyTree(live_, path_);
    const auto slots = ReadWatermark(path_ + "/watermark");
    EXPECT_NE(slots->copy(), nullptr);
    wal_ = WalOf(path_);
    records_ = WalRecords(wal_);
  }

  // The last cycle was missing in the log, and is there for good.
  void ExpectContinued() {
    {
      const auto store = ExpectOpens(kEntries);
      ASSERT_NE(store, nullptr);
      EXPECT_TRUE(store->open_report().continued);
      EXPECT_EQ(store->open_report().recovered_cycle, cycle());
    }
    const auto store = ExpectOpens(kEntries);
    ASSERT_NE(store, nullptr);
    EXPECT_FALSE(store->open_report().continued);
  }

  std::string wal_;
  std::vector<size_t> records_;
};

TEST_F(CycleCopyTest, AWholeLogIsNotContinued) {
  EXPECT_FALSE(ExpectOpens(kEntries)->open_report().continued);
}

TEST_F(CycleCopyTest, LogCutBeforeTheLastCycle) {
  CutAt(wal_, records_.back());
  ExpectContinued();
}

TEST_F(CycleCopyTest, LogCutInsideTheLastCycle) {
  CutAt(wal_, records_.back() + 100);
  ExpectContinued();
}

TEST_F(CycleCopyTest, BitFlipInTheLastCycle) {
  FlipBit(wal_, records_.back() + 200);
  ExpectContinued();
}

// A crash while the log is continued leaves what a crash before it does.
TEST_F(CycleCopyTest, TornWhileItIsContinued) {
  const std::string watermark = ReadAll(path_ + "/watermark");
  CutAt(wal_, records_.back());
  const std::string before = FreshDirectory("before");
  CopyTree(path_, before);
  for (const size_t bytes : {0, 100}) {
    CopyTree(before, path_);
    ExpectOpens(kEntries).reset();
    // The first record of the new log is the copied cycle.
    WriteAll(path_ + "/watermark", watermark);
    const std::string wal = WalOf(path_);
    CutAt(wal, WalRecords(wal).front() + bytes);
    ExpectContinued();
  }
}

TEST_F(CycleCopyTest, TwoLostCyclesAreRefused) {
  CutAt(wal_, records_[records_.size() - 2]);
  ExpectRefused({Cycles(cycle() - 1, cycle()), Against(cycle(), cycle() - 2)});
}

// The damaged slot may have been of the cycle after the copied one: the copied
// one was synced then, and what was behind it is lost.
TEST_F(CycleCopyTest, NothingIsContinuedBesideADamagedSlot) {
  const WatermarkSlots slots = *ReadWatermark(path_ + "/watermark");
  const size_t newest = slots.slots[0]->cycle > slots.slots[1]->cycle ? 0 : 1;
  FlipBit(path_ + "/watermark", newest * kWatermarkSlotBytes + 200);
  ExpectOpens(kEntries).reset();
  CopyTree(live_, path_);
  FlipBit(path_ + "/watermark", newest * kWatermarkSlotBytes + 200);
  CutAt(wal_, records_[records_.size() - 2]);
  ExpectRefused(
      {Cycles(cycle() - 1, cycle() - 1), Against(cycle() - 1, cycle() - 2)});
}

TEST_F(CycleCopyTest, ACycleLostInTheMiddleIsRefused) {
  ZeroRange(wal_, 2 * 32768, 32768);
  ExpectRefused({"watermark: cycle " + std::to_string(cycle())});
}

TEST_F(CycleCopyTest, OfAnotherHistoryIsRefused) {
  const WatermarkSlots slots = *ReadWatermark(path_ + "/watermark");
  Digest previous = slots.copy()->previous;
  previous[0] ^= 1;
  auto watermark = Watermark::Open(path_ + "/watermark", slots);
  ASSERT_TRUE(watermark.ok());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(
        (*watermark)
            ->BeginAdvance(*slots.newest(), previous, slots.copy()->batch));
    ASSERT_TRUE((*watermark)->EndAdvance().ok());
  }
  ExpectOpens(kEntries).reset();  // the log is whole: nothing asks for a copy
  CopyTree(live_, path_);
  auto again = Watermark::Open(path_ + "/watermark", slots);
  ASSERT_TRUE(again.ok());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(
        (*again)->BeginAdvance(*slots.newest(), previous, slots.copy()->batch));
    ASSERT_TRUE((*again)->EndAdvance().ok());
  }
  CutAt(wal_, records_.back());
  ExpectRefused({Cycles(cycle(), cycle()), Against(cycle(), cycle() - 1)});
}

TEST_F(VerifiedOpenTest, OneDamagedWatermarkSlotIsWrittenAnew) {
  for (const size_t at : {size_t{20}, kWatermarkSlotBytes + 20}) {
    CopyTree(live_, path_);
    FlipBit(path_ + "/watermark", at);
    EXPECT_TRUE(ExpectOpens()->open_report().watermark_slot_damaged);
    EXPECT_FALSE(ReadWatermark(path_ + "/watermark")->damaged());
    EXPECT_FALSE(ExpectOpens()->open_report().watermark_slot_damaged);
  }
}

TEST_F(VerifiedOpenTest, TwoDamagedWatermarkSlots) {
  FlipBit(path_ + "/watermark", 20);
  FlipBit(path_ + "/watermark", kWatermarkSlotBytes + 20);
  ExpectRefused({"/watermark has two damaged slots"});
}

TEST_F(VerifiedOpenTest, MissingWatermark) {
  fs::remove(path_ + "/watermark");
  ExpectRefused({"/watermark is missing"});
}

TEST_F(VerifiedOpenTest, WatermarkOfAnotherHistory) {
  WatermarkValue value = *ReadWatermark(path_ + "/watermark")->newest();
  value.digest[0] ^= 1;
  ASSERT_TRUE(Watermark::Create(path_ + "/watermark", value).ok());
  ExpectRefused({"digests differ"});
}

TEST_F(VerifiedOpenTest, WatermarkOfAnotherOpen) {
  WatermarkValue value = *ReadWatermark(path_ + "/watermark")->newest();
  ++value.open_id;
  ASSERT_TRUE(Watermark::Create(path_ + "/watermark", value).ok());
  ExpectRefused({"is of another open"});
}

TEST_F(VerifiedOpenTest, OldImageOfTheDatabasePutBack) {
  const std::string old = FreshDirectory("old");
  CopyTree(path_ + "/db", old);
  const uint64_t old_cycle = cycle();
  for (int i = 0; i < 3; ++i) Append();
  CopyTree(live_, path_);
  CopyTree(old, path_ + "/db");
  ExpectRefused({Cycles(old_cycle + 1, cycle()), Against(cycle(), old_cycle)});
}

TEST_F(VerifiedOpenTest, OldManifestPutBack) {
  // Two more opens: each flushes and writes a new manifest.
  const std::string old = FreshDirectory("old");
  CopyTree(path_ + "/db", old);
  ExpectOpens().reset();
  ExpectOpens().reset();
  for (const char* suffix : {"CURRENT"}) {
    fs::copy_file(old + "/" + suffix, path_ + "/db/" + suffix,
                  fs::copy_options::overwrite_existing);
  }
  for (const std::string& manifest : FilesIn(old, "")) {
    const std::string name = fs::path(manifest).filename().string();
    if (!name.starts_with("MANIFEST-")) continue;
    fs::copy_file(manifest, path_ + "/db/" + name,
                  fs::copy_options::overwrite_existing);
  }
  ExpectRefused({"watermark: cycle"});
}

TEST_F(VerifiedOpenTest, MissingPartsOfTheDatabase) {
  ExpectOpens().reset();  // so that there are SST files
  const std::string whole = FreshDirectory("whole");
  CopyTree(path_, whole);
  std::vector<std::string> victims = {path_ + "/db/CURRENT"};
  for (const std::string& file : FilesIn(path_ + "/db", "")) {
    const std::string name = fs::path(file).filename().string();
    if (name.starts_with("MANIFEST-") || name.ends_with(".sst")) {
      victims.push_back(file);
    }
  }
  EXPECT_GE(victims.size(), 4u);
  for (const std::string& victim : victims) {
    CopyTree(whole, path_);
    fs::remove(victim);
    SCOPED_TRACE(victim);
    ExpectRefused({"watermark: cycle"});
  }
  CopyTree(whole, path_);
  fs::remove_all(path_ + "/db");
  ExpectRefused({"watermark: cycle"});
}

TEST_F(VerifiedOpenTest, DeletedCycleRow) {
  const uint64_t lost = cycle() - 5;
  Tamper([&](RocksDatabase* database) {
    ASSERT_TRUE(database->db()
                    ->Delete(rocksdb::WriteOptions(), database->meta(),
                             MetaKey(MetaRow::kCycle, lost))
                    .ok());
  });
  ExpectRefused({Cycles(lost, lost)});
}

TEST_F(VerifiedOpenTest, EntryBelowTheGroupRowIsGone) {
  Tamper([&](RocksDatabase* database) {
    const EntryKey key(log_->replica(), LogIndex(kCycles));
    ASSERT_TRUE(
        database->db()
            ->Delete(rocksdb::WriteOptions(),
                     database->TakeSegments().begin()->second.get(),
                     rocksdb::Slice(key.view().data(), key.view().size()))
            .ok());
  });
  ExpectRefused({"replica 1", "entry 40 of replica 1 is missing"});
}

TEST_F(VerifiedOpenTest, MissingSegmentFamily) {
  Tamper([&](RocksDatabase* database) {
    ASSERT_TRUE(database->CreateSegment(SegmentNumber(99)).ok());
    const Family segment = database->TakeSegments().begin()->second;
    ASSERT_TRUE(database->DropSegment(segment).ok());
  });
  ExpectRefused({"family segment-1, which holds entries, is missing"});
}

TEST_F(VerifiedOpenTest, GroupRowOfAnotherChain) {
  Tamper([&](RocksDatabase* database) {
    ReplicaPosition position = log_->position();
    position.chain[5] ^= 1;
    ASSERT_TRUE(database->db()
                    ->Put(rocksdb::WriteOptions(), database->meta(),
                          MetaKey(MetaRow::kGroup, log_->replica().value()),
                          EncodeGroupRow(position))
                    .ok());
  });
  ExpectRefused({"differs from the group row in its chain digest"});
}

TEST_F(VerifiedOpenTest, MissingGroupRow) {
  Tamper([&](RocksDatabase* database) {
    ASSERT_TRUE(database->db()
                    ->Delete(rocksdb::WriteOptions(), database->meta(),
                             MetaKey(MetaRow::kGroup, log_->replica().value()))
                    .ok());
  });
  ExpectRefused({"its group row is missing"});
}

// Entries that only the log holds and that do not belong there.
class UnflushedEntryTest : public VerifiedOpenTest {
 protected:
  // Writes entry 7 anew, with a header that `change` has changed.
  void ChangeEntry(const std::function<void(EntryHeader*)>& change) {
    Tamper([&](RocksDatabase* database) {
      const Family segment = database->TakeSegments().begin()->second;
      const EntryKey key(log_->replica(), LogIndex(7));
      const rocksdb::Slice slice(key.view().data(), key.view().size());
      std::string value;
      ASSERT_TRUE(
          database->db()
              ->Get(rocksdb::ReadOptions(), segment.get(), slice, &value)
              .ok());
      auto decoded = DecodeEntryHeader(value);
      ASSERT_TRUE(decoded.ok());
      change(&decoded->header);
      std::string changed;
      EncodeEntryHeader(decoded->header, &changed);
      changed += value.substr(decoded->header_bytes);
      ASSERT_TRUE(
          database->db()
              ->Put(rocksdb::WriteOptions(), segment.get(), slice, changed)
              .ok());
    });
  }
};

TEST_F(UnflushedEntryTest, BreaksTheChain) {
  ChangeEntry([](EntryHeader* header) { header->append_time_us += 1; });
  ExpectRefused({"entry 7 breaks the chain of digests"});
}

TEST_F(UnflushedEntryTest, HasALowerTerm) {
  ChangeEntry([](EntryHeader* header) { header->term = Term(0); });
  ExpectRefused({"entry 7 has a lower term (0)"});
}

TEST_F(UnflushedEntryTest, HasAnotherOffset) {
  ChangeEntry([](EntryHeader* header) { header->base_offset = Offset(13); });
  ExpectRefused({"entry 7", "13", "12"});
}

}  // namespace
}  // namespace kappa::storage
