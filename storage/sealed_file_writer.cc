#include "storage/sealed_file_writer.h"

#include <cstdio>

#include "proto/wire/check.h"
#include "rocksdb/file_checksum.h"
#include "rocksdb/table.h"
#include "storage/fixed_width.h"
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

rocksdb::EnvOptions WriteOptions(const SealerOptions& from,
                                 const rocksdb::Options& file_options) {
  rocksdb::EnvOptions options{rocksdb::DBOptions(file_options)};
  options.use_direct_writes = from.direct_io;
  options.use_mmap_writes = false;
  options.rate_limiter = from.rate_limiter.get();
  return options;
}

}  // namespace

std::string SealedFileName(size_t place) {
  char name[16];
  std::snprintf(name, sizeof(name), "%06u.sst",
                static_cast<unsigned>(place + 1));
  return name;
}

SealedFileWriter::SealedFileWriter(const SealerOptions& options,
                                   const std::string& folder, size_t place)
    : options_(options),
      name_(SealedFileName(place)),
      path_(folder + "/" + name_),
      file_options_(FileOptions(options)),
      file_(WriteOptions(options, file_options_), file_options_, nullptr,
            /*invalidate_page_cache=*/true,
            options.rate_limiter ? rocksdb::Env::IO_LOW
                                 : rocksdb::Env::IO_TOTAL) {}

absl::StatusOr<std::unique_ptr<SealedFileWriter>> SealedFileWriter::Create(
    const SealerOptions& options, const std::string& folder, size_t place) {
  std::unique_ptr<SealedFileWriter> writer(
      new SealedFileWriter(options, folder, place));
  const rocksdb::Status opened = writer->file_.Open(writer->path_);
  if (!opened.ok()) return FromRocks(opened, "create " + writer->path_);
  return writer;
}

absl::Status SealedFileWriter::Add(const EntryKey& key,
                                   std::string_view value) {
  if ((options_.cancelled != nullptr && *options_.cancelled) ||
      (options_.paused != nullptr && *options_.paused)) {
    return absl::CancelledError("sealing was told to end");
  }
  return FromRocks(
      file_.Put(rocksdb::Slice(key.view().data(), key.view().size()),
                rocksdb::Slice(value.data(), value.size())),
      "write to " + path_);
}

absl::StatusOr<SealedFile> SealedFileWriter::Finish() {
  rocksdb::ExternalSstFileInfo info;
  const rocksdb::Status status = file_.Finish(&info);
  if (!status.ok()) return FromRocks(status, "finish " + path_);
  KAPPA_CHECK(info.file_checksum.size() == sizeof(uint32_t),
              "the file checksum is a CRC32C");
  SealedFile file;
  file.name = name_;
  file.bytes = info.file_size;
  file.crc32c = LoadBigEndian<uint32_t>(info.file_checksum.data());
  file.first_replica = ReplicaOfKey(ToView(info.smallest_key));
  file.first_index = IndexOfKey(ToView(info.smallest_key));
  file.last_replica = ReplicaOfKey(ToView(info.largest_key));
  file.last_index = IndexOfKey(ToView(info.largest_key));
  return file;
}

}  // namespace kappa::storage
