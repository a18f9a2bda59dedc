#include "storage/sealed_folder_writer.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/wire/check.h"
#include "rocksdb/file_checksum.h"
#include "rocksdb/table.h"
#include "storage/fixed_width.h"
#include "storage/keys.h"
#include "storage/rocks_options.h"
#include "storage/rocks_status.h"

namespace kappa::storage {
namespace {

std::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

rocksdb::Options FileOptions(const SealerOptions& from) {
  rocksdb::Options options;
  options.env = from.env;
  options.compression = rocksdb::kNoCompression;
  options.rate_limiter = from.rate_limiter;
  options.file_checksum_gen_factory =
      rocksdb::GetFileChecksumGenCrc32cFactory();
  options.use_direct_io_for_flush_and_compaction = from.direct_io;
  rocksdb::BlockBasedTableOptions table = MakeTableOptions(nullptr);
  table.no_block_cache = true;
  table.filter_policy = nullptr;  // every read knows that the key is there
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

absl::Status Missing(const SegmentRange& range, LogIndex index) {
  return absl::DataLossError(absl::StrCat(
      "copy segment ", range.segment.value(), ": replica ",
      range.replica.value(), " index ", index.value(), " is missing"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SealedFolderWriter>> SealedFolderWriter::Create(
    const SealerOptions& options, SegmentNumber segment, uint32_t generation) {
  auto folder = SealedFolder::Make(options.sealed_root, segment, generation);
  if (!folder.ok()) return folder.status();
  std::unique_ptr<SealedFolderWriter> writer(
      new SealedFolderWriter(options, *std::move(folder)));
  writer->row_.segment = segment;
  writer->row_.generation = generation;
  return writer;
}

SealedFolderWriter::SealedFolderWriter(const SealerOptions& options,
                                       SealedFolder folder)
    : options_(options),
      file_options_(FileOptions(options)),
      folder_(std::move(folder)) {}

absl::Status SealedFolderWriter::EndRange() {
  if (!range_.has_value()) return absl::OkStatus();
  if (next_ != range_->end) return Missing(*range_, next_);
  range_.reset();
  return absl::OkStatus();
}

absl::Status SealedFolderWriter::BeginRange(const SegmentRange& range) {
  absl::Status status = EndRange();
  if (!status.ok()) return status;
  KAPPA_CHECK(range.end != kOpenEnd, "a copied range has an end");
  KAPPA_CHECK(row_.replicas.empty() ||
                  row_.replicas.back().key_replica < range.key_replica,
              "ranges come in the order of their keys");
  range_ = range;
  next_ = range.first;
  row_.replicas.push_back({range.replica, range.key_replica, range.row, 0, 0});
  return absl::OkStatus();
}

absl::Status SealedFolderWriter::Add(LogIndex index, std::string_view value) {
  KAPPA_CHECK(range_.has_value() && index < range_->end,
              "an entry belongs to the range that was begun");
  if (index != next_) return Missing(*range_, next_);
  if ((options_.cancelled != nullptr && *options_.cancelled) ||
      (options_.paused != nullptr && *options_.paused)) {
    return absl::CancelledError("sealing was told to end");
  }
  next_ = index.Next();
  if (file_ == nullptr) {
    absl::Status status = OpenFile();
    if (!status.ok()) return status;
  }
  const EntryKey key(range_->key_replica, index);
  const rocksdb::Status put =
      file_->Put(rocksdb::Slice(key.view().data(), key.view().size()),
                 rocksdb::Slice(value.data(), value.size()));
  if (!put.ok()) return FromRocks(put, "write to " + folder_.path());
  SealedReplica& replica = row_.replicas.back();
  ++replica.entries;
  replica.bytes += kEntryKeyBytes + value.size();
  return file_->FileSize() >= options_.file_bytes_max ? CloseFile()
                                                      : absl::OkStatus();
}

absl::Status SealedFolderWriter::OpenFile() {
  char name[16];
  std::snprintf(name, sizeof(name), "%06u.sst",
                static_cast<unsigned>(row_.files.size() + 1));
  rocksdb::EnvOptions env_options{rocksdb::DBOptions(file_options_)};
  env_options.use_direct_writes = options_.direct_io;
  env_options.use_mmap_writes = false;
  env_options.rate_limiter = options_.rate_limiter.get();
  file_ = std::make_unique<rocksdb::SstFileWriter>(
      env_options, file_options_, nullptr, /*invalidate_page_cache=*/true,
      options_.rate_limiter ? rocksdb::Env::IO_LOW : rocksdb::Env::IO_TOTAL);
  SealedFile file;
  file.name = name;
  row_.files.push_back(std::move(file));
  return FromRocks(file_->Open(folder_.path() + "/" + name),
                   "create a file in " + folder_.path());
}

absl::Status SealedFolderWriter::CloseFile() {
  if (file_ == nullptr) return absl::OkStatus();
  rocksdb::ExternalSstFileInfo info;
  const rocksdb::Status status = file_->Finish(&info);
  file_.reset();
  if (!status.ok())
    return FromRocks(status, "finish a file in " + folder_.path());
  SealedFile& file = row_.files.back();
  file.bytes = info.file_size;
  KAPPA_CHECK(info.file_checksum.size() == sizeof(uint32_t),
              "the file checksum is a CRC32C");
  file.crc32c = LoadBigEndian<uint32_t>(info.file_checksum.data());
  file.first_replica = ReplicaOfKey(ToView(info.smallest_key));
  file.first_index = IndexOfKey(ToView(info.smallest_key));
  file.last_replica = ReplicaOfKey(ToView(info.largest_key));
  file.last_index = IndexOfKey(ToView(info.largest_key));
  return absl::OkStatus();
}

absl::StatusOr<SealedRow> SealedFolderWriter::Finish() {
  absl::Status status = EndRange();
  if (status.ok()) status = CloseFile();
  if (!status.ok()) return status;
  std::sort(row_.replicas.begin(), row_.replicas.end(),
            [](const SealedReplica& a, const SealedReplica& b) {
              return a.replica < b.replica;
            });
  if (row_.files.empty()) return std::move(row_);  // the destructor cleans up
  status = folder_.Keep();
  if (!status.ok()) return status;
  return std::move(row_);
}

}  // namespace kappa::storage
