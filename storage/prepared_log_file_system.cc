#include "storage/prepared_log_file_system.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "proto/wire/check.h"
#include "proto/wire/mutex.h"
#include "storage/log_preparer.h"

namespace kappa::storage {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr size_t kAlignment = 4096;
constexpr size_t kBufferBytes = size_t{1} << 20;
constexpr uint64_t kSmallSyncBytes = uint64_t{256} << 10;
constexpr uint64_t kAheadBytesMin = uint64_t{1} << 20;
constexpr uint64_t kAheadBytesMax = uint64_t{4} << 20;
// The part of a log's length that is prepared ahead of it, and of the mean that
// the last sync counts for.
constexpr uint64_t kAheadPart = 4;
constexpr uint64_t kMeanPart = 8;

uint64_t RoundUp(uint64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// The end of a file that is written in whole blocks: the bytes of the last one,
// which is written again when more come.
class BlockBuffer {
 public:
  BlockBuffer()
      : bytes_(
            static_cast<char*>(std::aligned_alloc(kAlignment, kBufferBytes))) {
    KAPPA_CHECK(bytes_ != nullptr, "no memory for a log's buffer");
  }

  // As many bytes of `data` as there is room for.
  size_t Fill(const Slice& data) {
    const size_t taken = std::min(data.size(), kBufferBytes - used_);
    std::memcpy(bytes_.get() + used_, data.data(), taken);
    used_ += taken;
    return taken;
  }
  // Whole blocks, the last one padded with zeros.
  Slice Padded() {
    const size_t padded = RoundUp(used_);
    std::memset(bytes_.get() + used_, 0, padded - used_);
    return Slice(bytes_.get(), padded);
  }
  // Lets go of the full blocks. Returns their bytes.
  size_t Advance() {
    const size_t full = used_ / kAlignment * kAlignment;
    used_ -= full;
    if (full > 0) std::memmove(bytes_.get(), bytes_.get() + full, used_);
    return full;
  }

 private:
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };
  const std::unique_ptr<char, Free> bytes_;
  size_t used_ = 0;
};

class PreparedLogFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  PreparedLogFile(std::unique_ptr<rocksdb::FSWritableFile> direct_file,
                  std::shared_ptr<PreparedRange> range, LogPreparer* preparer)
      : FSWritableFileOwnerWrapper(std::move(direct_file)),
        range_(std::move(range)),
        preparer_(preparer) {}
  ~PreparedLogFile() override { range_->Close(); }

  IOStatus Append(const Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    Slice left = data;
    while (!left.empty()) {
      const size_t taken = buffer_.Fill(left);
      const Slice blocks = buffer_.Padded();
      range_->Take(begin_ + blocks.size());
      IOStatus status = FSWritableFileOwnerWrapper::PositionedAppend(
          blocks, begin_, options, debug);
      if (!status.ok()) return status;
      left.remove_prefix(taken);
      begin_ += buffer_.Advance();
      MutexLock lock(&mutex_);
      bytes_ += taken;
    }
    return IOStatus::OK();
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& /*verification*/,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus PositionedAppend(const Slice& /*data*/, uint64_t /*offset*/,
                            const IOOptions& /*options*/,
                            IODebugContext* /*debug*/) override {
    return IOStatus::NotSupported("a log is appended to");
  }
  IOStatus PositionedAppend(
      const Slice& /*data*/, uint64_t /*offset*/, const IOOptions& /*options*/,
      const rocksdb::DataVerificationInfo& /*verification*/,
      IODebugContext* /*debug*/) override {
    return IOStatus::NotSupported("a log is appended to");
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = FSWritableFileOwnerWrapper::Sync(options, debug);
    if (status.ok()) Prepare();
    return status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = FSWritableFileOwnerWrapper::Fsync(options, debug);
    if (status.ok()) Prepare();
    return status;
  }
  IOStatus RangeSync(uint64_t /*offset*/, uint64_t /*bytes*/,
                     const IOOptions& /*options*/,
                     IODebugContext* /*debug*/) override {
    return IOStatus::OK();  // what was appended is on its way to the disk
  }
  // To the content's length: the zeros behind it go.
  IOStatus Truncate(uint64_t bytes, const IOOptions& options,
                    IODebugContext* debug) override {
    range_->Close();
    return FSWritableFileOwnerWrapper::Truncate(bytes, options, debug);
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = Truncate(bytes(), options, debug);
    IOStatus closed = FSWritableFileOwnerWrapper::Close(options, debug);
    return status.ok() ? closed : status;
  }

  uint64_t GetFileSize(const IOOptions& /*options*/,
                       IODebugContext* /*debug*/) override {
    return bytes();
  }
  bool IsSyncThreadSafe() const override { return true; }
  bool use_direct_io() const override { return false; }

 private:
  uint64_t bytes() const {
    MutexLock lock(&mutex_);
    return bytes_;
  }

  // After a sync: asks for more zeros where the next ones will need them.
  void Prepare() {
    uint64_t bytes = 0;
    {
      MutexLock lock(&mutex_);
      mean_ = mean_ - mean_ / kMeanPart + (bytes_ - synced_) / kMeanPart;
      synced_ = bytes_;
      if (mean_ > kSmallSyncBytes) return;
      bytes = bytes_;
    }
    const uint64_t ahead =
        std::clamp(bytes / kAheadPart, kAheadBytesMin, kAheadBytesMax);
    if (range_->end() < bytes + ahead / 2) {
      preparer_->Extend(range_, RoundUp(bytes + ahead));
    }
  }

  const std::shared_ptr<PreparedRange> range_;
  LogPreparer* const preparer_;
  BlockBuffer buffer_;
  uint64_t begin_ = 0;  // where the buffer's first block stands in the file
  mutable Mutex mutex_;
  uint64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;   // appended
  uint64_t synced_ ABSL_GUARDED_BY(mutex_) = 0;  // of these
  uint64_t mean_ ABSL_GUARDED_BY(mutex_) = 0;    // bytes of a sync
};

class PreparedLogFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  PreparedLogFileSystem(std::shared_ptr<rocksdb::FileSystem> base,
                        std::function<void(const absl::Status&)> on_fatal)
      : FileSystemWrapper(std::move(base)), preparer_(std::move(on_fatal)) {}

  const char* Name() const override { return "kappa-prepared-log"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    if (!path.ends_with(".log")) {
      return target()->NewWritableFile(path, options, file, debug);
    }
    FileOptions direct = options;
    direct.use_direct_writes = true;
    direct.use_mmap_writes = false;
    IOStatus status = target()->NewWritableFile(path, direct, file, debug);
    if (!status.ok()) return status;
    std::shared_ptr<PreparedRange> range = PreparedRange::Open(path);
    if (range == nullptr) {
      return IOStatus::IOError("cannot open once more", path);
    }
    *file = std::make_unique<PreparedLogFile>(std::move(*file),
                                              std::move(range), &preparer_);
    return status;
  }

 private:
  LogPreparer preparer_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> NewPreparedLogFileSystem(
    std::shared_ptr<rocksdb::FileSystem> base,
    std::function<void(const absl::Status&)> on_fatal) {
  return std::make_shared<PreparedLogFileSystem>(std::move(base),
                                                 std::move(on_fatal));
}

}  // namespace kappa::storage
