// FaultyFileSystem: the real file system, but for what a test lets fail.
#ifndef KAPPA_TESTS_STORAGE_FAULTY_FILE_SYSTEM_H_
#define KAPPA_TESTS_STORAGE_FAULTY_FILE_SYSTEM_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "rocksdb/file_system.h"

namespace kappa::storage {

// Operations: "create" (for writing), "open" (for reading at any place),
// "write", "flush", "sync", "range sync", "truncate", "close", "sync folder".
using Fault = std::function<rocksdb::IOStatus(const std::string& operation,
                                              const std::string& path)>;

class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::FSWritableFile> file, const Fault* fault,
             std::string path)
      : FSWritableFileOwnerWrapper(std::move(file)),
        fault_(fault),
        path_(std::move(path)) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data,
                           const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = (*fault_)("write", path_);
    return status.ok() ? target()->Append(data, options, debug) : status;
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data,
                           const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& /*check*/,
                           rocksdb::IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  rocksdb::IOStatus PositionedAppend(const rocksdb::Slice& data,
                                     uint64_t offset,
                                     const rocksdb::IOOptions& options,
                                     rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = (*fault_)("write", path_);
    return status.ok()
               ? target()->PositionedAppend(data, offset, options, debug)
               : status;
  }
  rocksdb::IOStatus PositionedAppend(
      const rocksdb::Slice& data, uint64_t offset,
      const rocksdb::IOOptions& options,
      const rocksdb::DataVerificationInfo& /*check*/,
      rocksdb::IODebugContext* debug) override {
    return PositionedAppend(data, offset, options, debug);
  }
  rocksdb::IOStatus Flush(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = (*fault_)("flush", path_);
    return status.ok() ? target()->Flush(options, debug) : status;
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = (*fault_)("sync", path_);
    return status.ok() ? target()->Sync(options, debug) : status;
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = (*fault_)("sync", path_);
    return status.ok() ? target()->Fsync(options, debug) : status;
  }
  rocksdb::IOStatus RangeSync(uint64_t offset, uint64_t bytes,
                              const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = (*fault_)("range sync", path_);
    return status.ok() ? target()->RangeSync(offset, bytes, options, debug)
                       : status;
  }
  rocksdb::IOStatus Truncate(uint64_t bytes, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = (*fault_)("truncate", path_);
    return status.ok() ? target()->Truncate(bytes, options, debug) : status;
  }
  rocksdb::IOStatus Close(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = (*fault_)("close", path_);
    return status.ok() ? target()->Close(options, debug) : status;
  }

 private:
  const Fault* const fault_;
  const std::string path_;
};

class FaultyDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  FaultyDirectory(std::unique_ptr<rocksdb::FSDirectory> directory,
                  const Fault* fault, std::string path)
      : FSDirectoryWrapper(std::move(directory)),
        fault_(fault),
        path_(std::move(path)) {}

  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = (*fault_)("sync folder", path_);
    return status.ok() ? FSDirectoryWrapper::Fsync(options, debug) : status;
  }
  rocksdb::IOStatus FsyncWithDirOptions(
      const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug,
      const rocksdb::DirFsyncOptions& directory_options) override {
    rocksdb::IOStatus status = (*fault_)("sync folder", path_);
    return status.ok() ? FSDirectoryWrapper::FsyncWithDirOptions(
                             options, debug, directory_options)
                       : status;
  }

 private:
  const Fault* const fault_;
  const std::string path_;
};

// Asks `fault`, on the thread that works, before each operation; an error of it
// is the operation's.
class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultyFileSystem(Fault fault)
      : FileSystemWrapper(rocksdb::FileSystem::Default()),
        fault_(std::move(fault)) {}

  const char* Name() const override { return "faulty"; }

  rocksdb::IOStatus NewWritableFile(
      const std::string& path, const rocksdb::FileOptions& options,
      std::unique_ptr<rocksdb::FSWritableFile>* file,
      rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = fault_("create", path);
    if (status.ok()) {
      status = target()->NewWritableFile(path, options, file, debug);
    }
    if (status.ok()) {
      *file = std::make_unique<FaultyFile>(std::move(*file), &fault_, path);
    }
    return status;
  }
  rocksdb::IOStatus NewRandomAccessFile(
      const std::string& path, const rocksdb::FileOptions& options,
      std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
      rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = fault_("open", path);
    return status.ok()
               ? target()->NewRandomAccessFile(path, options, file, debug)
               : status;
  }
  rocksdb::IOStatus NewDirectory(
      const std::string& path, const rocksdb::IOOptions& options,
      std::unique_ptr<rocksdb::FSDirectory>* directory,
      rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status =
        target()->NewDirectory(path, options, directory, debug);
    if (status.ok()) {
      *directory = std::make_unique<FaultyDirectory>(std::move(*directory),
                                                     &fault_, path);
    }
    return status;
  }

 private:
  const Fault fault_;
};

}  // namespace kappa::storage

#endif  // KAPPA_TESTS_STORAGE_FAULTY_FILE_SYSTEM_H_
