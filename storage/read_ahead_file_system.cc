#include "storage/read_ahead_file_system.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "storage/read_ahead_pool.h"

namespace kappa::storage {
namespace {

using rocksdb::FileOptions;
using rocksdb::FSRandomAccessFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// Less than a block of entries: an index, a filter or a footer.
constexpr size_t kInOrderBytesMin = size_t{32} << 10;
// What must have been read in one go before anything is read ahead.
constexpr uint64_t kPassedBytesMin = uint64_t{192} << 10;
// Memory that a thread keeps for reads at odd offsets.
constexpr size_t kKeptBytesMax = size_t{256} << 10;

class ReadAheadFile final : public FSRandomAccessFile {
 public:
  ReadAheadFile(std::shared_ptr<FSRandomAccessFile> file, uint64_t bytes,
                std::shared_ptr<ReadAheadPool> pool)
      : source_{std::move(file), bytes}, pool_(std::move(pool)) {}
  ~ReadAheadFile() override { pool_->Forget(source_); }

  IOStatus Read(uint64_t offset, size_t n, const IOOptions& options,
                Slice* result, char* scratch,
                IODebugContext* debug) const override {
    n = std::min<uint64_t>(n, source_.bytes - std::min(source_.bytes, offset));
    *result = Slice(scratch, n);
    if (n == 0) return IOStatus::OK();
    std::unique_ptr<ReadAheadStream> stream = pool_->Take(source_, offset);
    if (stream == nullptr) {
      if (n >= kInOrderBytesMin && offset + n < source_.bytes) {
        stream = std::make_unique<ReadAheadStream>();
        stream->source = &source_;
      } else {
        return ReadNow(offset, n, options, result, scratch, debug);
      }
    }
    if (stream->passed_bytes > 0 && stream->next != offset) {  // repeated
      IOStatus again = ReadNow(offset, n, options, result, scratch, debug);
      pool_->Give(std::move(stream));
      return again;
    }
    size_t copied = 0;
    if (stream->passed_bytes >= kPassedBytesMin) {
      copied = CopyAhead(offset, n, stream.get(), scratch);
    }
    IOStatus status;
    if (copied < n) {
      pool_->DropAll(stream.get());
      Slice rest;
      status = ReadNow(offset + copied, n - copied, options, &rest,
                       scratch + copied, debug);
      *result = Slice(scratch, copied + rest.size());
    }
    stream->last = offset;
    stream->next = offset + n;
    stream->passed_bytes += n;
    if (status.ok() && stream->next < source_.bytes) {
      pool_->Give(std::move(stream));
    } else {
      pool_->DropAll(stream.get());
    }
    return status;
  }

  // RocksDB calls it before it goes through blocks, where it is not needed, and
  // before it reads the parts at the end, where its own buffer is of use.
  IOStatus Prefetch(uint64_t offset, size_t n, const IOOptions& /*options*/,
                    IODebugContext* /*debug*/) override {
    return offset + n >= source_.bytes ? IOStatus::NotSupported("Prefetch")
                                       : IOStatus::OK();
  }

  size_t GetUniqueId(char* id, size_t bytes_max) const override {
    return source_.file->GetUniqueId(id, bytes_max);
  }
  void Hint(AccessPattern pattern) override { source_.file->Hint(pattern); }
  IOStatus InvalidateCache(size_t offset, size_t length) override {
    return source_.file->InvalidateCache(offset, length);
  }

 private:
  // Copies what was read ahead; how many bytes of the front of the wanted.
  size_t CopyAhead(uint64_t offset, size_t n, ReadAheadStream* stream,
                   char* to) const {
    size_t copied = 0;
    while (copied < n) {
      const uint64_t from = offset + copied;
      pool_->Extend(stream, from);
      if (stream->pieces.empty()) break;
      const ReadAheadPiece& piece = *stream->pieces.front();
      const char* const bytes = pool_->Wait(stream->pieces.front());
      if (bytes == nullptr) break;
      const size_t part = std::min<uint64_t>(n - copied, piece.end() - from);
      std::memcpy(to + copied, bytes + (from - piece.offset()), part);
      copied += part;
      if (from + part == piece.end()) pool_->DropFirst(stream);
    }
    return copied;
  }

  IOStatus ReadNow(uint64_t offset, size_t n, const IOOptions& options,
                   Slice* result, char* scratch, IODebugContext* debug) const {
    const FSRandomAccessFile& file = *source_.file;
    if (!file.use_direct_io()) {
      return file.Read(offset, n, options, result, scratch, debug);
    }
    const uint64_t begin = AlignDown(offset);
    const size_t lead = offset - begin;
    const size_t whole = AlignUp(lead + n);
    thread_local AlignedBytes kept;
    AlignedBytes memory;
    if (whole > kKeptBytesMax) {
      memory = AllocateAligned(whole);
    } else if (kept == nullptr) {
      kept = AllocateAligned(kKeptBytesMax);
    }
    char* const bytes = memory != nullptr ? memory.get() : kept.get();
    Slice read;
    IOStatus status = file.Read(begin, whole, options, &read, bytes, debug);
    const size_t got = read.size() < lead ? 0 : read.size() - lead;
    *result = Slice(scratch, std::min(n, got));
    if (status.ok()) std::memcpy(scratch, bytes + lead, result->size());
    return status;
  }

  const ReadAheadSource source_;
  const std::shared_ptr<ReadAheadPool> pool_;
};

class ReadAheadFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  ReadAheadFileSystem(std::shared_ptr<rocksdb::FileSystem> base,
                      size_t bytes_max)
      : FileSystemWrapper(std::move(base)),
        pool_(std::make_shared<ReadAheadPool>(bytes_max)) {}

  const char* Name() const override { return "kappa-read-ahead"; }

  IOStatus NewRandomAccessFile(const std::string& path,
                               const FileOptions& options,
                               std::unique_ptr<FSRandomAccessFile>* file,
                               IODebugContext* debug) override {
    IOStatus status = target()->NewRandomAccessFile(path, options, file, debug);
    if (!status.ok() || !absl::EndsWith(path, ".sst")) return status;
    uint64_t bytes = 0;
    status = target()->GetFileSize(path, IOOptions(), &bytes, debug);
    if (status.ok()) {
      *file = std::make_unique<ReadAheadFile>(std::move(*file), bytes, pool_);
    }
    return status;
  }

 private:
  const std::shared_ptr<ReadAheadPool> pool_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> NewReadAheadFileSystem(
    std::shared_ptr<rocksdb::FileSystem> base, size_t bytes_max) {
  return std::make_shared<ReadAheadFileSystem>(std::move(base), bytes_max);
}

}  // namespace kappa::storage
