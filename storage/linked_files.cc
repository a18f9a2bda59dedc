#include "storage/linked_files.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rocksdb/file_checksum.h"
#include "rocksdb/metadata.h"
#include "rocksdb/options.h"
#include "rocksdb/sst_file_reader.h"
#include "rocksdb/table.h"
#include "storage/fixed_width.h"
#include "storage/keys.h"
#include "storage/rocks_options.h"
#include "storage/rocks_status.h"
#include "storage/sealed_file_writer.h"
#include "storage/sealed_folder.h"

namespace kappa::storage {
namespace {

std::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

rocksdb::Slice ToSlice(std::string_view view) {
  return {view.data(), view.size()};
}

// In the order of the flushes.
std::vector<rocksdb::SstFileMetaData> FlushedFiles(
    rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family) {
  rocksdb::ColumnFamilyMetaData metadata;
  db->GetColumnFamilyMetaData(family, &metadata);
  std::vector<rocksdb::SstFileMetaData> files;
  for (const rocksdb::LevelMetaData& level : metadata.levels) {
    files.insert(files.end(), level.files.begin(), level.files.end());
  }
  std::sort(
      files.begin(), files.end(),
      [](const rocksdb::SstFileMetaData& a, const rocksdb::SstFileMetaData& b) {
        return a.largest_seqno < b.largest_seqno;
      });
  return files;
}

absl::StatusOr<SealedFile> LinkFile(const SealerOptions& options,
                                    const rocksdb::SstFileMetaData& from,
                                    const std::string& folder, size_t place) {
  SealedFile file;
  file.name = SealedFileName(place);
  file.bytes = from.size;
  if (from.file_checksum_func_name != rocksdb::GetFileChecksumGenCrc32cFactory()
                                          ->CreateFileChecksumGenerator({})
                                          ->Name() ||
      from.file_checksum.size() != sizeof(uint32_t)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "link ", from.relative_filename, ": it has no CRC32C of the file"));
  }
  file.crc32c = LoadBigEndian<uint32_t>(from.file_checksum.data());
  file.first_replica = ReplicaOfKey(from.smallestkey);
  file.first_index = IndexOfKey(from.smallestkey);
  file.last_replica = ReplicaOfKey(from.largestkey);
  file.last_index = IndexOfKey(from.largestkey);
  const rocksdb::Status status = options.env->LinkFile(
      from.directory + "/" + from.relative_filename, folder + "/" + file.name);
  if (!status.ok()) {
    return FromRocks(status, "link " + from.relative_filename);
  }
  return file;
}

// What one linked file holds of each replica, by looking at the ends.
absl::Status FindRuns(const SealerOptions& options, const std::string& path,
                      uint32_t file, absl::Span<const SegmentRange> visible,
                      std::vector<SealedRun>* runs) {
  rocksdb::Options reader_options;
  reader_options.env = options.env;
  reader_options.use_direct_reads = options.direct_io;
  rocksdb::BlockBasedTableOptions table = MakeTableOptions(nullptr);
  table.no_block_cache = true;
  table.cache_index_and_filter_blocks = false;
  reader_options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::SstFileReader reader(reader_options);
  const rocksdb::Status opened = reader.Open(path);
  if (!opened.ok()) return FromRocksRead(opened, "open " + path);
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> iterator(reader.NewIterator(read));
  const auto at_replica = [&iterator](ReplicaNumber replica) {
    return iterator->Valid() &&
           ReplicaOfKey(ToView(iterator->key())) == replica;
  };
  for (const SegmentRange& range : visible) {
    const EntryKey begin(range.key_replica, LogIndex(0));
    iterator->Seek(ToSlice(begin.view()));
    if (!iterator->status().ok()) break;
    if (!at_replica(range.key_replica)) continue;
    SealedRun run{range.key_replica, file, IndexOfKey(ToView(iterator->key())),
                  LogIndex(0)};
    const EntryKey end(range.key_replica, kOpenEnd);
    iterator->SeekForPrev(ToSlice(end.view()));
    if (!at_replica(range.key_replica)) break;
    run.last = IndexOfKey(ToView(iterator->key()));
    runs->push_back(run);
  }
  return FromRocksRead(iterator->status(), "read " + path);
}

// What is visible in `memory`, as a file of its own; none if that is nothing.
absl::StatusOr<std::optional<SealedFile>> WriteFromMemory(
    const SealerOptions& options, rocksdb::Iterator* memory,
    const std::string& folder, size_t place,
    absl::Span<const SegmentRange> visible) {
  std::unique_ptr<SealedFileWriter> writer;
  for (const SegmentRange& range : visible) {
    const EntryKey first(range.key_replica, range.first);
    for (memory->Seek(ToSlice(first.view())); memory->Valid(); memory->Next()) {
      const std::string_view key = ToView(memory->key());
      const LogIndex index = IndexOfKey(key);
      if (ReplicaOfKey(key) != range.key_replica || index >= range.end) break;
      if (writer == nullptr) {
        auto created = SealedFileWriter::Create(options, folder, place);
        if (!created.ok()) return created.status();
        writer = *std::move(created);
      }
      const absl::Status added = writer->Add(EntryKey(range.key_replica, index),
                                             ToView(memory->value()));
      if (!added.ok()) return added;
    }
  }
  if (!memory->status().ok()) {
    return FromRocks(memory->status(), "read the memory of a segment");
  }
  if (writer == nullptr) return std::optional<SealedFile>();
  absl::StatusOr<SealedFile> file = writer->Finish();
  if (!file.ok()) return file.status();
  return std::optional<SealedFile>(*std::move(file));
}

// Estimated by the position of the keys in the files and in memory.
std::vector<uint64_t> ApproximateBytes(rocksdb::DB* db,
                                       rocksdb::ColumnFamilyHandle* family,
                                       absl::Span<const SegmentRange> visible) {
  std::vector<std::string> keys;
  keys.reserve(2 * visible.size());
  for (const SegmentRange& range : visible) {
    keys.emplace_back(EntryKey(range.key_replica, range.first).view());
    keys.emplace_back(EntryKey(range.key_replica, range.end).view());
  }
  std::vector<rocksdb::Range> ranges;
  for (size_t i = 0; i < keys.size(); i += 2) {
    ranges.emplace_back(keys[i], keys[i + 1]);
  }
  std::vector<uint64_t> bytes(visible.size());
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = true;
  options.include_files = true;
  if (!db->GetApproximateSizes(options, family, ranges.data(),
                               static_cast<int>(ranges.size()), bytes.data())
           .ok()) {
    std::fill(bytes.begin(), bytes.end(), 0);
  }
  return bytes;
}

// Whether the runs hold every index of the range, as far as ends can tell.
absl::Status CheckCovered(const SegmentRange& range,
                          absl::Span<const SealedRun> runs) {
  LogIndex next = range.first;
  bool moved = true;
  while (next < range.end && moved) {
    moved = false;
    for (const SealedRun& run : runs) {
      if (run.key_replica == range.key_replica && run.first <= next &&
          next <= run.last) {
        next = run.last.Next();
        moved = true;
      }
    }
  }
  if (next >= range.end) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "link segment ", range.segment.value(), ": replica ",
      range.replica.value(), " index ", next.value(), " is missing"));
}

}  // namespace

uint64_t MeanRunBytes(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family,
                      size_t replicas) {
  rocksdb::ColumnFamilyMetaData metadata;
  db->GetColumnFamilyMetaData(family, &metadata);
  if (metadata.file_count == 0) return 0;
  return metadata.size / (metadata.file_count * replicas);
}

absl::StatusOr<SealedRow> LinkFlushedFiles(
    const SealerOptions& options, rocksdb::DB* db,
    rocksdb::ColumnFamilyHandle* family, SegmentNumber segment,
    absl::Span<const SegmentRange> visible) {
  // Before the files are listed: a flush in between, which may come at any
  // time, leaves an entry in both, never in neither.
  rocksdb::ReadOptions in_memory;
  in_memory.read_tier = rocksdb::kMemtableTier;
  const std::unique_ptr<rocksdb::Iterator> memory(
      db->NewIterator(in_memory, family));
  auto folder = SealedFolder::Make(options.sealed_root, segment, 0);
  if (!folder.ok()) return folder.status();
  SealedRow row;
  row.segment = segment;
  for (const rocksdb::SstFileMetaData& from : FlushedFiles(db, family)) {
    auto file = LinkFile(options, from, folder->path(), row.files.size());
    if (!file.ok()) return file.status();
    row.files.push_back(*std::move(file));
  }
  auto rest = WriteFromMemory(options, memory.get(), folder->path(),
                              row.files.size(), visible);
  if (!rest.ok()) return rest.status();
  if (rest->has_value()) row.files.push_back(**std::move(rest));
  for (size_t i = 0; i < row.files.size(); ++i) {
    const absl::Status status =
        FindRuns(options, folder->path() + "/" + row.files[i].name,
                 static_cast<uint32_t>(i), visible, &row.runs);
    if (!status.ok()) return status;
  }
  std::stable_sort(row.runs.begin(), row.runs.end(),
                   [](const SealedRun& a, const SealedRun& b) {
                     return a.key_replica < b.key_replica;
                   });
  const std::vector<uint64_t> bytes = ApproximateBytes(db, family, visible);
  for (size_t i = 0; i < visible.size(); ++i) {
    const SegmentRange& range = visible[i];
    const absl::Status covered = CheckCovered(range, row.runs);
    if (!covered.ok()) return covered;
    row.replicas.push_back({range.replica, range.key_replica, range.row,
                            range.end - range.first, bytes[i]});
  }
  const absl::Status status = folder->Keep();
  if (!status.ok()) return status;
  return row;
}

}  // namespace kappa::storage
