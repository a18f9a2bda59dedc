// kappad recover: keeps what can be kept, says what cannot, leaves the old
// directory alone.
#include "storage/directory_rebuild.h"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/configuration_rows.h"
#include "storage/directory_check.h"
#include "storage/producer_record.h"
#include "storage/rocks_log_store.h"
#include "storage/term_rows.h"
#include "tests/storage/damage_fixture.h"
#include "tests/storage/directory_damage.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class DirectoryRebuildTest : public testing::Test {
 protected:
  DirectoryRebuildTest()
      : path_(FreshDirectory("copy")), fresh_(FreshDirectory("fresh")) {
    CopyTree(TheWholeDirectory().path, path_);
  }

  std::string File(const std::string& name) const { return path_ + "/" + name; }

  // Rebuilds into fresh_; the new directory is whole, and the old one as it
  // was.
  RebuildReport Rebuild(DirectoryRebuild::Options options = {}) {
    const std::map<std::string, std::string> before = TreeOf(path_);
    auto view = DirectoryView::Open(path_);
    EXPECT_TRUE(view.ok()) << view.status();
    options.to = fresh_;
    options.metadata_group = GroupId(1);
    options.rewrite_metadata_row = [](const RebuiltLog& log,
                                      std::string_view key,
                                      std::string_view value) {
      if (key != "applied") return std::string(value);
      return std::to_string(log.last.value());
    };
    auto report = DirectoryRebuild(view->get(), std::move(options)).Run();
    EXPECT_TRUE(report.ok()) << report.status();
    EXPECT_TRUE(TreeOf(path_) == before) << "the old directory was changed";
    if (!report.ok()) return RebuildReport();
    auto fresh = DirectoryView::Open(fresh_);
    EXPECT_TRUE(fresh.ok()) << fresh.status();
    const CheckReport check = DirectoryCheck(fresh->get()).Run();
    EXPECT_EQ(check.worst(), std::nullopt) << check.findings.front().what;
    return *std::move(report);
  }

  // What the new directory holds of the i-th replica is what was written, up
  // to and including `last`.
  void ExpectLog(size_t i, LogIndex last) {
    auto store = RocksLogStore::Open(DamageTestOptions(fresh_));
    ASSERT_TRUE(store.ok()) << store.status();
    const ReplicaNumber replica = TheWholeDirectory().replicas[i];
    const auto position = (*store)->Position(replica);
    ASSERT_TRUE(position.ok());
    EXPECT_EQ(position->last.index, last);
    EXPECT_EQ(position->end_offset, Offset(2 * last.value()));
    const auto entries = (*store)->Read(replica, LogIndex(1), last,
                                        size_t{1} << 30, ReadClass::kReplay);
    ASSERT_TRUE(entries.ok()) << entries.status();
    ASSERT_EQ(entries->size(), last.value());
    for (const StoredEntry& entry : *entries) {
      EXPECT_EQ(entry.payload.ToString(),
                DamageTestPayload(replica, entry.header.index));
    }
    if (last == TheWholeDirectory().positions[i].last.index) {
      EXPECT_EQ(position->chain, TheWholeDirectory().positions[i].chain);
    }
  }

  const std::string path_;
  const std::string fresh_;
};

TEST_F(DirectoryRebuildTest, KeepsEverythingOfAWholeDirectory) {
  const RebuildReport report = Rebuild();
  ASSERT_EQ(report.logs.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_FALSE(report.logs[i].shortened());
    EXPECT_EQ(report.logs[i].why, "");
    ExpectLog(i, TheWholeDirectory().positions[i].last.index);
  }
}

TEST_F(DirectoryRebuildTest, LogCutOnARecordBoundary) {
  const std::string wal = ActiveWalOf(path_);
  const std::vector<size_t> records = WalRecords(wal);
  CutAt(wal, records[records.size() - 2]);
  Rebuild();
  for (size_t i = 0; i < 3; ++i) {
    ExpectLog(i, TheWholeDirectory().positions[i].last.index - 2);
  }
}

// What stands behind a flipped bit is not lost with it, but a log has no holes.
TEST_F(DirectoryRebuildTest, FlipInTheLogGivesUpNoMoreThanTheLogsItHit) {
  const std::string wal = ActiveWalOf(path_);
  const std::vector<size_t> records = WalRecords(wal);
  FlipBit(wal, records[records.size() - 5] + 200);
  const RebuildReport report = Rebuild();
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(report.logs[i].shortened() ||
                report.logs[i].last <
                    TheWholeDirectory().positions[i].last.index);
    ExpectLog(i, TheWholeDirectory().positions[i].last.index - 5);
  }
}

TEST_F(DirectoryRebuildTest, DamagedSealedFileShortensOneLog) {
  const std::string file = SealedFilesOf(path_).front();
  FlipBit(File(file), fs::file_size(File(file)) / 2);
  const RebuildReport report = Rebuild();
  int shortened = 0;
  for (size_t i = 0; i < 3; ++i) {
    const RebuiltLog& log = report.logs[i];
    ExpectLog(i, log.last);
    EXPECT_EQ(log.old_last, TheWholeDirectory().positions[i].last.index);
    if (!log.shortened()) continue;
    ++shortened;
    EXPECT_GT(log.damaged_entries, 0u);
    EXPECT_EQ(log.damaged_entries + log.whole_entries,
              *log.old_last - log.last);
    EXPECT_THAT(log.why, HasSubstr("entry"));
  }
  // A block may hold the end of one log and the beginning of the next.
  EXPECT_GE(shortened, 1);
  EXPECT_LE(shortened, 2);
}

TEST_F(DirectoryRebuildTest, NoWatermark) {
  fs::remove(File("watermark"));
  const RebuildReport report = Rebuild();
  for (size_t i = 0; i < 3; ++i) {
    ExpectLog(i, TheWholeDirectory().positions[i].last.index);
  }
}

// --- what a directory holds besides logs ---

class DirectoryRebuildRowsTest : public DirectoryRebuildTest {
 protected:
  DirectoryRebuildRowsTest() {
    auto store = RocksLogStore::Open(DamageTestOptions(path_));
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void PutRow(size_t i, SideTable table, std::string key, std::string value) {
    GroupWrite write;
    write.replica = TheWholeDirectory().replicas[i];
    write.side_rows.push_back({table, std::move(key), std::move(value)});
    ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  }
  std::optional<std::string> RowIn(const std::string& path, SideTable table,
                                   const std::string& key) {
    auto store = RocksLogStore::Open(DamageTestOptions(path));
    EXPECT_TRUE(store.ok()) << store.status();
    return *(*store)->GetSideRow(table, key);
  }
  std::unique_ptr<RocksLogStore> store_;
};

TEST_F(DirectoryRebuildRowsTest, TermsVotesAndNumbersStay) {
  GroupWrite write;
  write.replica = TheWholeDirectory().replicas[1];
  write.hard_state = raft::HardState();
  write.hard_state->term = Term(9);
  ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  const ReplicaNumber dropped = TheWholeDirectory().replicas[0];
  ASSERT_TRUE(store_->DropReplicas({dropped}).ok());
  const ReplicaSpec spec = SpecOfGroup(7);
  const ReplicaNumber added = store_->CreateReplicas({spec})->front();
  store_.reset();
  Rebuild();
  auto fresh = RocksLogStore::Open(DamageTestOptions(fresh_));
  ASSERT_TRUE(fresh.ok());
  EXPECT_EQ((*fresh)->Position(write.replica)->hard_state.term, Term(9));
  EXPECT_TRUE(absl::IsNotFound((*fresh)->Position(dropped).status()));
  ASSERT_EQ((*fresh)->Replicas().size(), 3u);
  EXPECT_EQ((*fresh)->Replicas().back().number, added);
  EXPECT_EQ((*fresh)->Replicas().back().spec.group, GroupId(7));
}

TEST_F(DirectoryRebuildRowsTest, MetadataRowsStayAndAreAdaptedToTheirLog) {
  PutRow(0, SideTable::kMetadata, "topic", "orders");
  PutRow(0, SideTable::kMetadata, "applied", "999");
  store_.reset();
  Rebuild();
  EXPECT_EQ(RowIn(fresh_, SideTable::kMetadata, "topic"), "orders");
  EXPECT_EQ(
      RowIn(fresh_, SideTable::kMetadata, "applied"),
      std::to_string(TheWholeDirectory().positions[0].last.index.value()));
}

TEST_F(DirectoryRebuildRowsTest, RowsThatTheTableLacksAreAdded) {
  PutRow(0, SideTable::kMetadata, "topic", "orders");
  store_.reset();
  DirectoryRebuild::Options options;
  options.further_metadata_rows = {{SideTable::kMetadata, "topic", "payments"},
                                   {SideTable::kMetadata, "producer", "7"}};
  Rebuild(std::move(options));
  EXPECT_EQ(RowIn(fresh_, SideTable::kMetadata, "topic"), "orders");
  EXPECT_EQ(RowIn(fresh_, SideTable::kMetadata, "producer"), "7");
}

TEST_F(DirectoryRebuildRowsTest, ProducerRowsAboveTheKeptLogAreLeftOut) {
  const LogIndex last = TheWholeDirectory().positions[0].last.index;
  for (size_t i = 0; i < 2; ++i) {
    const ReplicaNumber replica = TheWholeDirectory().replicas[i];
    ProducerCheckpoint checkpoint;
    checkpoint.index = i == 0 ? last : last + 1;
    PutRow(i, SideTable::kProducers, ProducerCheckpointKey(replica),
           EncodeProducerCheckpoint(checkpoint));
  }
  store_.reset();
  const RebuildReport report = Rebuild();
  const auto& replicas = TheWholeDirectory().replicas;
  EXPECT_EQ(report.producers_from_log, std::vector<ReplicaNumber>{replicas[1]});
  EXPECT_TRUE(
      RowIn(fresh_, SideTable::kProducers, ProducerCheckpointKey(replicas[0]))
          .has_value());
  EXPECT_FALSE(
      RowIn(fresh_, SideTable::kProducers, ProducerCheckpointKey(replicas[1]))
          .has_value());
}

// Hooks of someone who knows group 7 by its chain.
DirectoryRebuild::Options KnowingGroup7() {
  DirectoryRebuild::Options options;
  options.group_of_chain = [](const Digest& chain) -> std::optional<GroupId> {
    if (chain == SpecOfGroup(7).chain_start) return GroupId(7);
    return std::nullopt;
  };
  return options;
}

// A hole: later cycles are there, and any row may lack what the lost one wrote.
class DirectoryRebuildHoleTest : public DirectoryRebuildRowsTest {
 protected:
  // The cycle that was committed `behind_last` cycles before the last one.
  void LoseRecord(size_t behind_last) {
    store_.reset();
    const std::string wal = ActiveWalOf(path_);
    DropWalRecord(wal, WalRecords(wal).size() - 1 - behind_last);
  }
  void PutCheckpoint(size_t i) {
    ProducerCheckpoint checkpoint;
    checkpoint.index = LogIndex(1);
    PutRow(i, SideTable::kProducers,
           ProducerCheckpointKey(TheWholeDirectory().replicas[i]),
           EncodeProducerCheckpoint(checkpoint));
  }
  std::optional<std::string> Topic() {
    return RowIn(fresh_, SideTable::kMetadata, "topic");
  }
};

TEST_F(DirectoryRebuildHoleTest, RowsAreNotTakenOver) {
  PutRow(0, SideTable::kMetadata, "topic", "before");
  PutCheckpoint(1);
  PutRow(0, SideTable::kMetadata, "topic", "lost");
  PutRow(0, SideTable::kMetadata, "applied", "1");
  LoseRecord(1);
  const RebuildReport report = Rebuild();
  EXPECT_THAT(report.hole, HasSubstr("are lost"));
  EXPECT_TRUE(report.metadata_from_log);
  EXPECT_EQ(report.producers_from_log, TheWholeDirectory().replicas);
  EXPECT_EQ(Topic(), std::nullopt);
  EXPECT_EQ(RowIn(fresh_, SideTable::kProducers,
                  ProducerCheckpointKey(TheWholeDirectory().replicas[1])),
            std::nullopt);
  for (size_t i = 0; i < 3; ++i) {
    ExpectLog(i, TheWholeDirectory().positions[i].last.index);
  }
}

// The lost end of the log is no hole: rows are as old as the logs.
TEST_F(DirectoryRebuildHoleTest, ALostEndLeavesTheRows) {
  PutRow(0, SideTable::kMetadata, "topic", "before");
  PutCheckpoint(1);
  PutRow(0, SideTable::kMetadata, "topic", "lost");
  LoseRecord(0);
  const RebuildReport report = Rebuild();
  EXPECT_EQ(report.hole, "");
  EXPECT_FALSE(report.metadata_from_log);
  EXPECT_TRUE(report.producers_from_log.empty());
  EXPECT_EQ(Topic(), "before");
}

TEST_F(DirectoryRebuildHoleTest, OnlyLogsThatTheMetadataNamesAreKept) {
  PutRow(0, SideTable::kMetadata, "topic", "lost");
  PutRow(0, SideTable::kMetadata, "applied", "1");
  LoseRecord(1);
  DirectoryRebuild::Options options;
  options.sound_metadata.emplace();
  options.sound_metadata->rows.push_back(
      {SideTable::kMetadata, "topic", "made"});
  options.sound_metadata->groups = {GroupId(2)};
  const RebuildReport report = Rebuild(std::move(options));
  EXPECT_EQ(Topic(), "made");
  ASSERT_EQ(report.logs.size(), 3u);
  EXPECT_FALSE(report.logs[0].shortened());
  EXPECT_FALSE(report.logs[1].shortened());
  const RebuiltLog& third = report.logs[2];
  const ReplicaPosition& position = TheWholeDirectory().positions[2];
  EXPECT_TRUE(third.left_out);
  EXPECT_TRUE(third.shortened());
  EXPECT_EQ(third.group, GroupId(3));
  EXPECT_EQ(third.last, LogIndex(0));
  EXPECT_EQ(third.old_last, position.last.index);
  EXPECT_EQ(third.old_end_offset, position.end_offset);
  EXPECT_EQ(third.whole_entries, position.last.index.value());
  EXPECT_EQ(third.damaged_entries, 0u);
  EXPECT_THAT(third.why, HasSubstr("no topic"));
  auto fresh = RocksLogStore::Open(DamageTestOptions(fresh_));
  ASSERT_TRUE(fresh.ok());
  EXPECT_EQ((*fresh)->Replicas().size(), 2u);
}

TEST_F(DirectoryRebuildHoleTest, ALostReplicaRowIsMadeFromTheGroupRow) {
  const ReplicaNumber added = store_->CreateReplicas({SpecOfGroup(7)})->front();
  LogScript log(added, SpecOfGroup(7));
  GroupWrite write = log.Empty();
  write.entries.push_back(log.Records("kept", 2));
  ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  LoseRecord(1);
  const RebuildReport report = Rebuild(KnowingGroup7());
  ASSERT_EQ(report.logs.size(), 4u);
  EXPECT_FALSE(report.logs[3].shortened());
  EXPECT_EQ(report.logs[3].group, GroupId(7));
  auto fresh = RocksLogStore::Open(DamageTestOptions(fresh_));
  ASSERT_TRUE(fresh.ok());
  ASSERT_EQ((*fresh)->Replicas().size(), 4u);
  const ReplicaSpec spec = (*fresh)->Replicas().back().spec;
  EXPECT_EQ(spec.group, GroupId(7));
  EXPECT_EQ(spec.self, SpecOfGroup(7).self);
  EXPECT_EQ(spec.configuration, SpecOfGroup(7).configuration);
  EXPECT_EQ((*fresh)->Position(added)->end_offset, Offset(2));
  EXPECT_EQ((*fresh)->Position(added)->chain, log.position().chain);
}

TEST_F(DirectoryRebuildHoleTest, ALostReplicaRowThatNothingReplacesIsReported) {
  const ReplicaNumber added = store_->CreateReplicas({SpecOfGroup(8)})->front();
  LogScript log(added, SpecOfGroup(8));
  GroupWrite write = log.Empty();
  write.entries.push_back(log.Records("given up", 2));
  ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  LoseRecord(1);
  const RebuildReport report = Rebuild(KnowingGroup7());
  ASSERT_EQ(report.logs.size(), 4u);
  const RebuiltLog& lost = report.logs[3];
  EXPECT_EQ(lost.replica, added);
  EXPECT_EQ(lost.group, std::nullopt);
  EXPECT_TRUE(lost.left_out);
  EXPECT_TRUE(lost.shortened());
  EXPECT_EQ(lost.old_last, LogIndex(1));
  EXPECT_EQ(lost.old_end_offset, Offset(2));
  EXPECT_THAT(lost.why, HasSubstr("its replica row is lost"));
  auto fresh = RocksLogStore::Open(DamageTestOptions(fresh_));
  ASSERT_TRUE(fresh.ok());
  EXPECT_EQ((*fresh)->Replicas().size(), 3u);
  // The number is not given again.
  EXPECT_EQ((*fresh)->CreateReplicas({SpecOfGroup(8)})->front(), added + 1);
}

// Who votes is in the log: what the row says may be lost, or be of entries that
// are given up.
TEST_F(DirectoryRebuildHoleTest, RowsOfConfigurationsAreMadeFromTheLog) {
  const ReplicaNumber replica = TheWholeDirectory().replicas[1];
  const auto position = store_->Position(replica);
  ASSERT_TRUE(position.ok());
  LogScript log(replica, *position);
  log.set_term(position->last.term);
  std::vector<raft::ConfigurationAt> written;
  for (uint64_t node = 2; node <= 4; ++node) {
    raft::ConfigurationAt at;
    at.configuration.voters = {{NodeId(1), Incarnation(1)},
                               {NodeId(node), Incarnation(1)}};
    GroupWrite write;
    write.replica = replica;
    write.entries.push_back(log.Configuration(at.configuration));
    at.index = log.last();
    written.push_back(std::move(at));
    ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  }
  written.erase(written.begin());
  const std::vector<raft::ConfigurationAt> beyond = {
      {log.last() + 7, written.back().configuration}};
  PutRow(1, SideTable::kProducers, ConfigurationKey(replica),
         *ConfigurationRow(replica, beyond).value);
  const ReplicaNumber other = TheWholeDirectory().replicas[2];
  PutRow(2, SideTable::kProducers, ConfigurationKey(other), "damaged");
  // Of a log that may have been longer.
  PutRow(2, SideTable::kProducers, TermRowsPrefix(other) + "row", "damaged");
  store_.reset();
  const RebuildReport report = Rebuild();
  EXPECT_TRUE(report.producers_from_log.empty());
  auto fresh = RocksLogStore::Open(DamageTestOptions(fresh_));
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  const auto made = ReadConfigurationRow(**fresh, replica);
  ASSERT_TRUE(made.ok()) << made.status();
  ASSERT_EQ(made->size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ((*made)[i].index, written[i].index);
    EXPECT_EQ((*made)[i].configuration, written[i].configuration);
  }
  const auto none = ReadConfigurationRow(**fresh, other);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_TRUE(none->empty());
  const auto terms = ReadTermRows(**fresh, other);
  ASSERT_TRUE(terms.ok()) << terms.status();
  EXPECT_TRUE(terms->empty());
}

TEST_F(DirectoryRebuildHoleTest, RowsOfATrimmedLogCannotBeMade) {
  GroupWrite write;
  write.replica = TheWholeDirectory().replicas[1];
  write.install_base = store_->Position(write.replica)->base;
  write.install_base->id = {Term(1), LogIndex(100'000)};
  ASSERT_TRUE(store_->Commit({&write, 1}).ok());
  PutRow(0, SideTable::kMetadata, "topic", "lost");
  PutRow(0, SideTable::kMetadata, "applied", "1");
  LoseRecord(1);
  auto view = DirectoryView::Open(path_);
  ASSERT_TRUE(view.ok());
  DirectoryRebuild::Options options;
  options.to = fresh_;
  options.metadata_group = GroupId(1);
  const auto report = DirectoryRebuild(view->get(), std::move(options)).Run();
  EXPECT_TRUE(absl::IsDataLoss(report.status())) << report.status();
  EXPECT_THAT(std::string(report.status().message()),
              HasSubstr("begins at entry 100001"));
}

TEST_F(DirectoryRebuildRowsTest, RefusesWhenOthersVote) {
  ReplicaSpec spec = SpecOfGroup(7);
  spec.configuration.voters.push_back({NodeId(2), Incarnation(1)});
  ASSERT_TRUE(store_->CreateReplicas({spec}).ok());
  store_.reset();
  auto view = DirectoryView::Open(path_);
  ASSERT_TRUE(view.ok());
  DirectoryRebuild::Options options;
  options.to = fresh_;
  const auto report = DirectoryRebuild(view->get(), std::move(options)).Run();
  EXPECT_TRUE(absl::IsFailedPrecondition(report.status())) << report.status();
  EXPECT_FALSE(fs::exists(fresh_));
}

}  // namespace
}  // namespace kappa::storage
