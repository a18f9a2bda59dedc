// kappad check: every kind of damage is found and named, and nothing is
// changed by looking.
#include "storage/directory_check.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/directory_view.h"
#include "tests/storage/damage_fixture.h"
#include "tests/storage/directory_damage.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class DirectoryCheckTest : public testing::Test {
 protected:
  DirectoryCheckTest() : path_(FreshDirectory("copy")) {
    CopyTree(TheWholeDirectory().path, path_);
  }

  std::string File(const std::string& name) const { return path_ + "/" + name; }

  CheckReport Check() {
    const std::map<std::string, std::string> before = TreeOf(path_);
    auto view = DirectoryView::Open(path_);
    EXPECT_TRUE(view.ok()) << view.status();
    CheckReport report = DirectoryCheck(view->get()).Run();
    EXPECT_TRUE(TreeOf(path_) == before) << "files were changed";
    return report;
  }

  // Some finding of that severity names `where`, and none is worse.
  static void ExpectFound(const CheckReport& report, Severity severity,
                          const std::string& where) {
    bool found = false;
    std::string all;
    for (const Finding& finding : report.findings) {
      found |= finding.severity == severity && finding.where == where;
      all += std::string(NameOf(finding.severity)) + " " + finding.where +
             ": " + finding.what + "\n";
    }
    EXPECT_TRUE(found) << where << " is not named:\n" << all;
    EXPECT_EQ(report.worst(), severity) << all;
  }

  // Damages the last cycle, and goes back to a watermark that does not promise
  // it: the older slot is the one before it.
  void TearTail() const {
    const WatermarkSlots slots = *ReadWatermark(File("watermark"));
    const size_t newest = slots.slots[0]->cycle > slots.slots[1]->cycle ? 0 : 1;
    ZeroRange(File("watermark"), newest * kWatermarkSlotBytes, 4096);
    const std::string wal = ActiveWalOf(path_);
    FlipBit(wal, WalRecords(wal).back() + 100);
  }

  const std::string path_;
};

TEST_F(DirectoryCheckTest, AWholeDirectoryHasNoFindings) {
  uint64_t done = 0;
  uint64_t total = 0;
  auto view = DirectoryView::Open(path_);
  ASSERT_TRUE(view.ok()) << view.status();
  const CheckReport report =
      DirectoryCheck(view->get(), [&](uint64_t d, uint64_t t) {
        EXPECT_GE(d, done);
        done = d;
        total = t;
      }).Run();
  EXPECT_EQ(report.worst(), std::nullopt)
      << report.findings.front().where << report.findings.front().what;
  EXPECT_EQ(report.replicas, 3u);
  uint64_t entries = 0;
  for (const ReplicaPosition& position : TheWholeDirectory().positions) {
    entries += position.last.index.value();
  }
  EXPECT_EQ(report.entries, entries);
  EXPECT_EQ(report.watermark_cycle, TheWholeDirectory().cycle);
  EXPECT_EQ(report.recovered_cycle, TheWholeDirectory().cycle);
  EXPECT_GT(report.file_bytes, 0u);
  EXPECT_LE(done, total);
  EXPECT_GT(done, 0u);
}

TEST_F(DirectoryCheckTest, RefusesADirectoryInUse) {
  auto store = RocksLogStore::Open(DamageTestOptions(path_));
  ASSERT_TRUE(store.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(DirectoryView::Open(path_).status()));
  store->reset();
  // And keeps kappad out as long as it looks.
  const auto view = DirectoryView::Open(path_);
  ASSERT_TRUE(view.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(
      RocksLogStore::Open(DamageTestOptions(path_)).status()));
}

TEST_F(DirectoryCheckTest, RefusesWhatIsNoDataDirectory) {
  EXPECT_TRUE(absl::IsNotFound(DirectoryView::Open(path_ + "/x").status()));
  fs::create_directory(path_ + "/empty");
  EXPECT_TRUE(absl::IsNotFound(DirectoryView::Open(path_ + "/empty").status()));
}

TEST_F(DirectoryCheckTest, EveryByteOfAWatermarkSlot) {
  for (const size_t at : {size_t{0}, size_t{20}, size_t{59}, size_t{60},
                          size_t{4095}, size_t{4096}, size_t{8191}}) {
    CopyTree(TheWholeDirectory().path, path_);
    FlipBit(File("watermark"), at);
    ExpectFound(Check(), Severity::kHarmless, "watermark");
  }
  FlipBit(File("watermark"), 20);
  FlipBit(File("watermark"), 4096 + 20);
  ExpectFound(Check(), Severity::kRefusal, "watermark");
  fs::remove(File("watermark"));
  ExpectFound(Check(), Severity::kRefusal, "watermark");
}

TEST_F(DirectoryCheckTest, FlipInTheLog) {
  const std::string wal = ActiveWalOf(path_);
  const std::vector<size_t> records = WalRecords(wal);
  FlipBit(wal, records[records.size() / 2] + 100);
  ExpectFound(Check(), Severity::kRefusal,
              "db/" + fs::path(wal).filename().string());
}

// What is prepared for the next records is not theirs yet.
TEST_F(DirectoryCheckTest, FlipBehindTheLogsEnd) {
  const std::string wal = ActiveWalOf(path_);
  std::string bytes = ReadAll(wal);
  bytes.resize(bytes.find_last_not_of('\0') + 1 + 100'000);
  WriteAll(wal, bytes);
  EXPECT_EQ(Check().worst(), std::nullopt);
  FlipBit(wal, bytes.size() - 1);
  const CheckReport report = Check();
  EXPECT_EQ(report.worst(), std::nullopt);
  EXPECT_TRUE(report.torn_tail) << "as if a write had begun there";
}

TEST_F(DirectoryCheckTest, LogCutOnARecordBoundary) {
  const std::string wal = ActiveWalOf(path_);
  CutAt(wal, WalRecords(wal).back());
  const CheckReport report = Check();
  ExpectFound(report, Severity::kRefusal, "db");
  EXPECT_EQ(report.recovered_cycle, TheWholeDirectory().cycle - 1);
}

// A log that is already flushed, which RocksDB had not yet deleted.
TEST_F(DirectoryCheckTest, FlipInAClosedLogThatNothingRestsOn) {
  const std::string wal = ActiveWalOf(path_);
  const std::string closed = File("db/000001.log");
  fs::copy_file(wal, closed);
  EXPECT_EQ(Check().worst(), std::nullopt);
  const std::vector<size_t> records = WalRecords(closed);
  FlipBit(closed, records[records.size() / 2] + 100);
  ExpectFound(Check(), Severity::kHarmless, "db/000001.log");
}

TEST_F(DirectoryCheckTest, FlipInASealedFileNamesTheEntries) {
  const std::string file = SealedFilesOf(path_).front();
  FlipBit(File(file), fs::file_size(File(file)) / 2);
  const CheckReport report = Check();
  ExpectFound(report, Severity::kData, file);
  bool ranged = false;
  for (const Finding& finding : report.findings) {
    if (!finding.range.has_value()) continue;
    ranged = true;
    EXPECT_TRUE(finding.range->first_offset.has_value());
    EXPECT_EQ(finding.range->first_offset,
              Offset(2 * (finding.range->first.value() - 1)));
    EXPECT_EQ(finding.range->next_offset,
              Offset(2 * finding.range->last.value()));
    EXPECT_THAT(finding.what, HasSubstr("offsets"));
  }
  EXPECT_TRUE(ranged);
}

TEST_F(DirectoryCheckTest, MissingSealedFile) {
  const std::string file = SealedFilesOf(path_).front();
  fs::remove(File(file));
  ExpectFound(Check(), Severity::kData, file);
}

TEST_F(DirectoryCheckTest, DamagedManifestAndCurrent) {
  FlipBit(File("db/CURRENT"), 3);
  ExpectFound(Check(), Severity::kRefusal, "db/CURRENT");
  CopyTree(TheWholeDirectory().path, path_);
  for (const std::string& file : FilesIn(path_ + "/db", "")) {
    const std::string name = fs::path(file).filename().string();
    if (!name.starts_with("MANIFEST-")) continue;
    FlipBit(file, fs::file_size(file) / 2);
    ExpectFound(Check(), Severity::kRefusal, "db/" + name);
  }
}

// The files of a database that cannot be read are checked one by one.
TEST_F(DirectoryCheckTest, SealedFilesWithoutADatabase) {
  fs::remove(File("db/CURRENT"));
  CheckReport report = Check();
  ExpectFound(report, Severity::kRefusal, "db/CURRENT");
  EXPECT_EQ(report.recovered_cycle, std::nullopt);
  EXPECT_GE(report.files,
            SealedFilesOf(path_).size() + SstFilesOf(path_).size());
  const std::string file = SealedFilesOf(path_).front();
  FlipBit(File(file), fs::file_size(File(file)) / 2);
  report = Check();
  EXPECT_TRUE(std::any_of(
      report.findings.begin(), report.findings.end(),
      [&](const Finding& finding) { return finding.where == file; }));
}

TEST_F(DirectoryCheckTest, MissingFormatFile) {
  fs::remove(File("FORMAT"));
  ExpectFound(Check(), Severity::kRefusal, "FORMAT");
}

// The end of the log that a crash tore, above the watermark.
TEST_F(DirectoryCheckTest, TornTailIsNoDamageThatMatters) {
  TearTail();
  const CheckReport report = Check();
  EXPECT_TRUE(report.torn_tail);
  EXPECT_EQ(report.worst(), Severity::kHarmless);
}

// The watermark's copy of the last cycle makes up for the log's.
TEST_F(DirectoryCheckTest, ACycleThatTheWatermarkCopied) {
  {
    // One more, of a few rows.
    auto store = RocksLogStore::Open(DamageTestOptions(path_));
    ASSERT_TRUE(store.ok()) << store.status();
  }
  ASSERT_NE(ReadWatermark(File("watermark"))->copy(), nullptr);
  const std::string wal = ActiveWalOf(path_);
  CutAt(wal, WalRecords(wal).back());
  const CheckReport report = Check();
  EXPECT_TRUE(report.last_cycle_copied);
  // It is no damage.
  EXPECT_EQ(report.worst(), std::nullopt);
  ASSERT_TRUE(report.watermark_cycle.has_value());
  EXPECT_EQ(report.recovered_cycle, *report.watermark_cycle - 1);
  auto store = RocksLogStore::Open(DamageTestOptions(path_));
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_TRUE((*store)->open_report().continued);
  store->reset();
  EXPECT_FALSE(Check().last_cycle_copied);
}

// The open that drops the torn end has options of its own, which RocksDB writes
// down. Killed before the next open, it leaves them.
TEST_F(DirectoryCheckTest, AfterAnOpenThatDroppedATornTail) {
  TearTail();
  {
    auto store = RocksLogStore::Open(DamageTestOptions(path_));
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->open_report().torn_tail);
  }
  const std::string options = OptionsFileOf(path_);
  const std::string name = "db/" + fs::path(options).filename().string();
  std::string text = ReadAll(options);
  const std::string written = "kPointInTimeRecovery";
  const size_t at = text.find(written);
  ASSERT_NE(at, std::string::npos);
  const CheckReport report = Check();
  EXPECT_FALSE(report.torn_tail);
  for (const Finding& finding : report.findings) {
    EXPECT_NE(finding.where, name) << finding.what;
  }
  // No other value is taken for it.
  text.replace(at, written.size(), "kSkipAnyCorruptedRecords");
  WriteAll(options, text);
  ExpectFound(Check(), Severity::kHarmless, name);
}

}  // namespace
}  // namespace kappa::storage
