#include "storage/fail_stop_file_system.h"

#include <string>
#include <utility>

#include "storage/info_log.h"
#include "storage/rocks_status.h"
#include "storage/unlinked_files.h"

namespace kappa::storage {
namespace {

using rocksdb::DataVerificationInfo;
using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// Tells of errors of one file or folder.
class Watcher {
 public:
  using OnFatal = std::function<void(const absl::Status&)>;
  Watcher(OnFatal on_fatal, std::string path)
      : on_fatal_(std::move(on_fatal)), path_(std::move(path)) {}

  IOStatus Pass(IOStatus status, const char* operation) const {
    if (!status.ok() && on_fatal_) {
      on_fatal_(FromRocks(status, operation + (" " + path_)));
    }
    return status;
  }

 private:
  const OnFatal on_fatal_;
  const std::string path_;
};

class FailStopFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FailStopFile(std::unique_ptr<rocksdb::FSWritableFile> file, Watcher watcher)
      : FSWritableFileOwnerWrapper(std::move(file)),
        watcher_(std::move(watcher)) {}

  IOStatus Append(const Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    return watcher_.Pass(
        FSWritableFileOwnerWrapper::Append(data, options, debug), "write");
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const DataVerificationInfo& verification,
                  IODebugContext* debug) override {
    return watcher_.Pass(
        FSWritableFileOwnerWrapper::Append(data, options, verification, debug),
        "write");
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset,
                            const IOOptions& options,
                            IODebugContext* debug) override {
    return watcher_.Pass(FSWritableFileOwnerWrapper::PositionedAppend(
                             data, offset, options, debug),
                         "write");
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset,
                            const IOOptions& options,
                            const DataVerificationInfo& verification,
                            IODebugContext* debug) override {
    return watcher_.Pass(FSWritableFileOwnerWrapper::PositionedAppend(
                             data, offset, options, verification, debug),
                         "write");
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return watcher_.Pass(FSWritableFileOwnerWrapper::Flush(options, debug),
                         "write");
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return watcher_.Pass(FSWritableFileOwnerWrapper::Sync(options, debug),
                         "sync");
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return watcher_.Pass(FSWritableFileOwnerWrapper::Fsync(options, debug),
                         "sync");
  }
  IOStatus RangeSync(uint64_t offset, uint64_t bytes, const IOOptions& options,
                     IODebugContext* debug) override {
    return watcher_.Pass(
        FSWritableFileOwnerWrapper::RangeSync(offset, bytes, options, debug),
        "sync");
  }
  IOStatus Truncate(uint64_t bytes, const IOOptions& options,
                    IODebugContext* debug) override {
    return watcher_.Pass(
        FSWritableFileOwnerWrapper::Truncate(bytes, options, debug),
        "truncate");
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    return watcher_.Pass(FSWritableFileOwnerWrapper::Close(options, debug),
                         "close");
  }

 private:
  const Watcher watcher_;
};

class FailStopDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  FailStopDirectory(std::unique_ptr<rocksdb::FSDirectory> directory,
                    Watcher watcher)
      : FSDirectoryWrapper(std::move(directory)),
        watcher_(std::move(watcher)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return watcher_.Pass(FSDirectoryWrapper::Fsync(options, debug), "sync");
  }
  IOStatus FsyncWithDirOptions(
      const IOOptions& options, IODebugContext* debug,
      const rocksdb::DirFsyncOptions& directory_options) override {
    return watcher_.Pass(FSDirectoryWrapper::FsyncWithDirOptions(
                             options, debug, directory_options),
                         "sync");
  }

 private:
  const Watcher watcher_;
};

class FailStopFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  FailStopFileSystem(std::shared_ptr<rocksdb::FileSystem> base,
                     Watcher::OnFatal on_fatal)
      : FileSystemWrapper(std::move(base)), on_fatal_(std::move(on_fatal)) {}

  const char* Name() const override { return "kappa-fail-stop"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    return Wrap(path, target()->NewWritableFile(path, options, file, debug),
                file);
  }
  IOStatus ReopenWritableFile(const std::string& path,
                              const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* file,
                              IODebugContext* debug) override {
    return Wrap(path, target()->ReopenWritableFile(path, options, file, debug),
                file);
  }
  IOStatus ReuseWritableFile(const std::string& path, const std::string& old,
                             const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* file,
                             IODebugContext* debug) override {
    return Wrap(path,
                target()->ReuseWritableFile(path, old, options, file, debug),
                file);
  }
  // The space of a log returns step by step; nobody reads a log by then.
  IOStatus DeleteFile(const std::string& path, const IOOptions& options,
                      IODebugContext* debug) override {
    const int log = path.ends_with(".log") ? UnlinkedFiles::Open(path) : -1;
    IOStatus status = target()->DeleteFile(path, options, debug);
    unlinked_.Release(log);
    return status;
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* directory,
                        IODebugContext* debug) override {
    IOStatus status = target()->NewDirectory(path, options, directory, debug);
    if (status.ok()) {
      *directory = std::make_unique<FailStopDirectory>(
          std::move(*directory), Watcher(on_fatal_, path));
    }
    return status;
  }
  // After an error at a later file RocksDB ends by an assertion at the second
  // message.
  IOStatus NewLogger(const std::string& path, const IOOptions& /*options*/,
                     std::shared_ptr<rocksdb::Logger>* logger,
                     IODebugContext* /*debug*/) override {
    if (*logger != nullptr) {  // a full one, of which this is the next
      *logger = InfoLog::Continue(path, on_fatal_);
      return IOStatus::OK();
    }
    auto log = InfoLog::Create(path, on_fatal_);
    if (!log.ok())
      return IOStatus::IOError(std::string(log.status().message()));
    *logger = *std::move(log);
    return IOStatus::OK();
  }

 private:
  IOStatus Wrap(const std::string& path, IOStatus status,
                std::unique_ptr<rocksdb::FSWritableFile>* file) const {
    if (status.ok()) {
      *file = std::make_unique<FailStopFile>(std::move(*file),
                                             Watcher(on_fatal_, path));
    }
    return status;
  }

  const Watcher::OnFatal on_fatal_;
  UnlinkedFiles unlinked_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> NewFailStopEnv(
    std::shared_ptr<rocksdb::FileSystem> base,
    std::function<void(const absl::Status&)> on_fatal) {
  return rocksdb::NewCompositeEnv(std::make_shared<FailStopFileSystem>(
      std::move(base), std::move(on_fatal)));
}

}  // namespace kappa::storage
