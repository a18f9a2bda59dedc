// InfoLog: the file that RocksDB writes its own messages to (DIR/db/LOG).
//
// RocksDB's own writer of it holds back up to 64 KiB for up to five seconds,
// which a crash loses, and the build of Debian ends by an assertion at the
// message after one that could not be written.
#ifndef KAPPA_STORAGE_INFO_LOG_H_
#define KAPPA_STORAGE_INFO_LOG_H_

#include <atomic>
#include <cstdarg>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/env.h"

namespace kappa::storage {

// Thread safety: thread-safe.
class InfoLog final : public rocksdb::Logger {
 public:
  // Creates the file, or empties it. `on_fatal` is told, on the thread that
  // met it, of a message that cannot be written (RELIABILITY.md S9).
  // Errors: those of the file system.
  static absl::StatusOr<std::shared_ptr<InfoLog>> Create(
      std::string path, std::function<void(const absl::Status&)> on_fatal);

  ~InfoLog() override;

  // Writes one line: time, thread, message. Not synced.
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override;
  size_t GetLogFileSize() const override { return bytes_; }

 protected:
  rocksdb::Status CloseImpl() override;

 private:
  InfoLog(std::string path, int file,
          std::function<void(const absl::Status&)> on_fatal);

  const std::string path_;
  const int file_;
  const std::function<void(const absl::Status&)> on_fatal_;
  std::atomic<size_t> bytes_{0};
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_INFO_LOG_H_
