#include "storage/sealer.h"

#include <filesystem>
#include <memory>
#include <set>
#include <string_view>
#include <system_error>
#include <vector>

#include "storage/keys.h"
#include "storage/linked_files.h"
#include "storage/posix_status.h"
#include "storage/rocks_status.h"
#include "storage/sealed_folder_writer.h"

namespace kappa::storage {
namespace {

std::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

absl::Status CopyRange(const SegmentRange& range, rocksdb::Iterator* from,
                       SealedFolderWriter* to) {
  absl::Status status = to->BeginRange(range);
  const EntryKey first(range.key_replica, range.first);
  from->Seek(rocksdb::Slice(first.view().data(), first.view().size()));
  for (; status.ok() && from->Valid(); from->Next()) {
    const std::string_view key = ToView(from->key());
    if (ReplicaOfKey(key) != range.key_replica ||
        IndexOfKey(key) >= range.end) {
      break;
    }
    status = to->Add(IndexOfKey(key), ToView(from->value()));
  }
  if (!status.ok()) return status;
  return FromRocksRead(from->status(), "read the segment to be sealed");
}

absl::StatusOr<SealedRow> SealByWriting(
    const SealerOptions& options, rocksdb::DB* db,
    rocksdb::ColumnFamilyHandle* family, SegmentNumber segment,
    absl::Span<const SegmentRange> visible) {
  auto writer = SealedFolderWriter::Create(options, segment, 0);
  if (!writer.ok()) return writer.status();
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  read.verify_checksums = true;
  const std::unique_ptr<rocksdb::Iterator> from(db->NewIterator(read, family));
  for (const SegmentRange& range : visible) {
    absl::Status status = CopyRange(range, from.get(), writer->get());
    if (!status.ok()) return status;
  }
  return (*writer)->Finish();
}

}  // namespace

absl::StatusOr<SealedRow> Sealer::Seal(
    rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family, SegmentNumber segment,
    absl::Span<const SegmentRange> visible) const {
  if (!visible.empty() &&
      MeanRunBytes(db, family, visible.size()) >= options_.link_run_bytes_min) {
    return LinkFlushedFiles(options_, db, family, segment, visible);
  }
  return SealByWriting(options_, db, family, segment, visible);
}

absl::Status RemoveLeftoverFolders(const std::string& sealed_root,
                                   absl::Span<const SealedRow> rows) {
  std::set<std::string> named;
  for (const SealedRow& row : rows) {
    named.insert(SealedFolderName(row.segment, row.generation));
  }
  std::error_code error;
  std::vector<std::filesystem::path> leftovers;
  for (std::filesystem::directory_iterator it(sealed_root, error), end;
       !error && it != end; it.increment(error)) {
    if (named.count(it->path().filename().string()) == 0) {
      leftovers.push_back(it->path());
    }
  }
  if (error == std::errc::no_such_file_or_directory) return absl::OkStatus();
  if (error) return FromErrno(error.value(), "list", sealed_root);
  for (const std::filesystem::path& leftover : leftovers) {
    std::filesystem::remove_all(leftover, error);
    if (error) return FromErrno(error.value(), "remove", leftover.string());
  }
  return absl::OkStatus();
}

}  // namespace kappa::storage
