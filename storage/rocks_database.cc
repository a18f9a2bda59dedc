#include "storage/rocks_database.h"

#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "storage/rocks_log.h"
#include "storage/rocks_status.h"

namespace kappa::storage {
namespace {

std::vector<rocksdb::ColumnFamilyDescriptor> DescribeFamilies(
    const RocksSettings& settings, const std::vector<std::string>& names) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const std::string& name : names) {
    families.emplace_back(name, MakeFamilyOptions(settings, name));
  }
  return families;
}

absl::Status Failed(const rocksdb::Status& status, std::string_view what,
                    DatabaseOpenMode mode) {
  return mode.read_only ? FromRocksRead(status, what) : FromRocks(status, what);
}

}  // namespace

std::string SegmentFamilyName(SegmentNumber segment) {
  return std::string(kSegmentFamilyPrefix) + std::to_string(segment.value());
}

RocksDatabase::RocksDatabase(std::string path, RocksSettings settings)
    : path_(std::move(path)), settings_(std::move(settings)) {}

RocksDatabase::~RocksDatabase() = default;

absl::Status RocksDatabase::Create(const std::string& path,
                                   const RocksSettings& settings) {
  rocksdb::DBOptions options = MakeDatabaseOptions(settings);
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.error_if_exists = true;
  const std::vector<std::string> names = {
      rocksdb::kDefaultColumnFamilyName, std::string(kMetaFamily),
      std::string(kSideMetadataFamily), std::string(kSideProducersFamily),
      SegmentFamilyName(SegmentNumber(1))};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(
      options, path, DescribeFamilies(settings, names), &handles, &db);
  if (!status.ok()) return FromRocks(status, absl::StrCat("create ", path));
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    db->DestroyColumnFamilyHandle(handle);
  }
  status = db->Close();
  delete db;
  return FromRocks(status, absl::StrCat("close ", path));
}

absl::StatusOr<std::unique_ptr<RocksDatabase>> RocksDatabase::Open(
    const std::string& path, const RocksSettings& settings,
    DatabaseOpenMode mode) {
  rocksdb::DBOptions options = MakeDatabaseOptions(settings);
  // The log of a read-only open would take the place of the last run's.
  if (mode.read_only) options.info_log = SilentRocksLog();
  if (mode.point_in_time) {
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  }
  if (mode.salvage) {
    KAPPA_CHECK(mode.read_only, "salvage looks, it does not write");
    options.wal_recovery_mode =
        rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  }
  const std::string what = absl::StrCat("open ", path);
  std::vector<std::string> names;
  rocksdb::Status status =
      rocksdb::DB::ListColumnFamilies(options, path, &names);
  if (!status.ok()) return Failed(status, what, mode);

  if (!mode.read_only) {
    auto log = OpenRocksLog(path, options);
    if (!log.ok()) return log.status();
    options.info_log = *std::move(log);
  }
  const auto families = DescribeFamilies(settings, names);
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  status =
      mode.read_only
          ? rocksdb::DB::OpenForReadOnly(options, path, families, &handles, &db)
          : rocksdb::DB::Open(options, path, families, &handles, &db);
  if (!status.ok()) return Failed(status, what, mode);
  std::unique_ptr<RocksDatabase> database(new RocksDatabase(path, settings));
  database->db_.reset(db);
  absl::Status adopted = database->AdoptFamilies(handles);
  if (adopted.ok() && !mode.salvage) adopted = database->CheckOptions();
  if (!adopted.ok()) return adopted;
  return database;
}

Family RocksDatabase::Own(rocksdb::ColumnFamilyHandle* handle) const {
  // The database goes after the last family.
  return Family(handle, [db = db_](rocksdb::ColumnFamilyHandle* owned) {
    db->DestroyColumnFamilyHandle(owned);
  });
}

absl::Status RocksDatabase::AdoptFamilies(
    const std::vector<rocksdb::ColumnFamilyHandle*>& handles) {
  std::vector<Family> owned;
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    owned.push_back(Own(handle));
  }
  for (const Family& family : owned) {
    const std::string full_name = family->GetName();
    std::string_view name = full_name;
    uint64_t segment = 0;
    if (name == rocksdb::kDefaultColumnFamilyName) continue;
    if (name == kMetaFamily) {
      meta_ = family;
    } else if (name == kSideMetadataFamily) {
      side_metadata_ = family;
    } else if (name == kSideProducersFamily) {
      side_producers_ = family;
    } else if (name.starts_with(kSegmentFamilyPrefix) &&
               absl::SimpleAtoi(full_name.substr(kSegmentFamilyPrefix.size()),
                                &segment) &&
               segment > 0) {
      segments_.emplace(SegmentNumber(segment), family);
    } else {
      return absl::FailedPreconditionError(
          absl::StrCat(path_, " has the unknown family ", family->GetName()));
    }
  }
  if (!meta_ || !side_metadata_ || !side_producers_ || segments_.empty()) {
    return absl::DataLossError(
        absl::StrCat(path_, " lacks a family; it has ", handles.size()));
  }
  return absl::OkStatus();
}

absl::Status RocksDatabase::CheckOptions() const {
  absl::Status status = CheckDatabaseOptions(db_->GetDBOptions());
  if (!status.ok()) return status;
  std::vector<Family> families = {meta_, side_metadata_, side_producers_};
  for (const auto& [number, family] : segments_) families.push_back(family);
  for (const Family& family : families) {
    rocksdb::ColumnFamilyDescriptor descriptor;
    const rocksdb::Status described = family->GetDescriptor(&descriptor);
    if (!described.ok()) return FromRocks(described, "read family options");
    status = CheckFamilyOptions(family->GetName(), descriptor.options);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status RocksDatabase::ScanSideRows(
    const rocksdb::ReadOptions& options, SideTable table,
    std::string_view prefix,
    const std::function<bool(std::string_view key, std::string_view value)>&
        visit) const {
  const std::unique_ptr<rocksdb::Iterator> at(
      db_->NewIterator(options, side(table)));
  const rocksdb::Slice begin(prefix.data(), prefix.size());
  for (at->Seek(begin); at->Valid() && at->key().starts_with(begin);
       at->Next()) {
    if (!visit({at->key().data(), at->key().size()},
               {at->value().data(), at->value().size()})) {
      break;
    }
  }
  return FromRocksRead(at->status(), "scan side rows");
}

std::map<SegmentNumber, Family> RocksDatabase::TakeSegments() {
  return std::exchange(segments_, {});
}

bool RocksDatabase::WritesStalled() const {
  uint64_t stopped = 0;
  uint64_t delayed_rate = 0;
  db_->GetIntProperty(rocksdb::DB::Properties::kIsWriteStopped, &stopped);
  db_->GetIntProperty(rocksdb::DB::Properties::kActualDelayedWriteRate,
                      &delayed_rate);
  return stopped != 0 || delayed_rate != 0;
}

absl::StatusOr<Family> RocksDatabase::CreateSegment(SegmentNumber segment) {
  const std::string name = SegmentFamilyName(segment);
  rocksdb::ColumnFamilyHandle* handle = nullptr;
  const rocksdb::Status status = db_->CreateColumnFamily(
      MakeFamilyOptions(settings_, name), name, &handle);
  if (!status.ok()) return FromRocks(status, absl::StrCat("create ", name));
  return Own(handle);
}

absl::Status RocksDatabase::DropSegment(const Family& family) {
  return FromRocks(db_->DropColumnFamily(family.get()),
                   absl::StrCat("drop ", family->GetName()));
}

}  // namespace kappa::storage
