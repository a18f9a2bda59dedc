#include "storage/directory_view.h"

#include <utility>

#include "storage/open_verification.h"
#include "storage/sealed_segment.h"

namespace kappa::storage {
namespace {

constexpr size_t kBlockCacheBytes = size_t{32} << 20;
constexpr size_t kMemtableBytes = size_t{64} << 20;
constexpr size_t kReadBytes = size_t{1} << 20;

SstReaderCacheOptions ReaderOptions(std::shared_ptr<rocksdb::Cache> cache) {
  SstReaderCacheOptions options;
  options.block_cache = std::move(cache);
  options.direct_io = false;
  return options;
}

}  // namespace

DirectoryView::DirectoryView(std::unique_ptr<DataDirectory> directory)
    : directory_(std::move(directory)),
      watermark_(ReadWatermark(directory_->watermark_path())),
      block_cache_(rocksdb::NewLRUCache(kBlockCacheBytes)),
      readers_(ReaderOptions(block_cache_)) {}

absl::StatusOr<std::unique_ptr<DirectoryView>> DirectoryView::Open(
    const std::string& path) {
  absl::StatusOr<std::unique_ptr<DataDirectory>> directory =
      DataDirectory::OpenToLook(path);
  if (!directory.ok()) return directory.status();
  std::unique_ptr<DirectoryView> view(new DirectoryView(*std::move(directory)));
  DatabaseOpenMode mode;
  mode.read_only = true;
  view->database_status_ = view->OpenDatabase(mode);
  if (absl::IsUnavailable(view->database_status_) ||
      absl::IsResourceExhausted(view->database_status_)) {
    return view->database_status_;
  }
  if (!view->database_status_.ok()) {
    // Perhaps only the torn end of the log, which nobody was told about.
    mode.point_in_time = true;
    view->torn_tail_ =
        view->OpenDatabase(mode).ok() && view->BrokenPromises().empty();
    if (view->torn_tail_) view->database_status_ = absl::OkStatus();
  }
  if (!view->database_status_.ok()) {
    mode.point_in_time = false;
    mode.salvage = true;
    // What it can read is used; why it cannot read the rest is known.
    (void)view->OpenDatabase(mode);
  }
  return view;
}

absl::Status DirectoryView::OpenDatabase(DatabaseOpenMode mode) {
  entries_.reset();
  database_.reset();
  state_ = RecoveredState();
  RocksSettings settings;
  settings.memtable_bytes = kMemtableBytes;
  settings.block_cache = block_cache_;
  absl::StatusOr<std::unique_ptr<RocksDatabase>> database =
      RocksDatabase::Open(directory_->database_path(), settings, mode);
  if (!database.ok()) return database.status();
  database_ = *std::move(database);
  absl::StatusOr<RecoveredState> state = ReadRecoveredState(*database_);
  if (!state.ok()) return state.status();
  state_ = *std::move(state);
  OpenSegments();
  return absl::OkStatus();
}

void DirectoryView::OpenSegments() {
  segments_ = std::make_unique<SegmentDirectory>();
  FillSegmentDirectory(state_, segments_.get());
  entries_ =
      std::make_unique<EntryReader>(database_->db(), segments_.get(), &scans_);
  for (const RepairedEntry& entry : state_.repaired) repaired_.Add(entry);
  entries_->UseRepaired(&repaired_, database_->meta());
  for (auto& [number, family] : database_->TakeSegments()) {
    entries_->AddLive(number, family);
  }
  for (const SealedRow& row : state_.sealed) {
    entries_->PutSealed(
        SealedSegment::Create(directory_->sealed_path(), row, &readers_));
  }
}

std::vector<absl::Status> DirectoryView::BrokenPromises() const {
  std::vector<absl::Status> broken;
  const auto note = [&broken](const absl::Status& status) {
    if (!status.ok()) broken.push_back(status);
  };
  if (watermark_.ok() && watermark_->newest().has_value()) {
    note(VerifyCycles(state_, *watermark_->newest(), watermark_->copy()));
  }
  note(VerifySegments(state_, *entries_));
  note(VerifyGroupRows(state_, *entries_));
  note(VerifyUnflushedEntries(state_, *segments_, *entries_, database_->db())
           .status());
  return broken;
}

bool DirectoryView::LastCycleIsCopied() const {
  return watermark_.ok() && watermark_->newest().has_value() &&
         IsContinuedBy(state_, *watermark_->newest(), watermark_->copy());
}

std::vector<ViewedReplica> DirectoryView::Replicas() const {
  std::vector<ViewedReplica> replicas;
  for (const auto& [number, row] : state_.replicas) {
    if (row.dropped) continue;
    ViewedReplica replica{number, row.spec, std::nullopt};
    const auto position = state_.positions.find(number);
    if (position != state_.positions.end()) replica.position = position->second;
    replicas.push_back(std::move(replica));
  }
  return replicas;
}

absl::StatusOr<std::vector<StoredEntry>> DirectoryView::Read(
    ReplicaNumber replica, LogIndex from, LogIndex last) const {
  return entries_->Read(replica, from, last, kReadBytes, ReadClass::kReplay,
                        /*epoch=*/0);
}

absl::Status DirectoryView::ScanSideRows(
    SideTable table, std::string_view prefix,
    const std::function<bool(std::string_view key, std::string_view value)>&
        visit) const {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  return database_->ScanSideRows(options, table, prefix, visit);
}

}  // namespace kappa::storage
