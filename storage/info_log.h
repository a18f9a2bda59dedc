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
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/mutex.h"
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

  // Creates the next file of a log whose last one is full. Messages promise
  // nothing: while files, memory or space are short, they are dropped, and each
  // later one tries again to create the file. `on_fatal` is told when the file
  // cannot be made for another reason, at whichever try.
  static std::shared_ptr<InfoLog> Continue(
      std::string path, std::function<void(const absl::Status&)> on_fatal);

  ~InfoLog() override;

  // Writes one line: time, thread, message. Not synced.
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override;
  size_t GetLogFileSize() const override { return bytes_; }

 protected:
  rocksdb::Status CloseImpl() override;

 private:
  InfoLog(std::string path, std::function<void(const absl::Status&)> on_fatal);
  // Creates the file unless it is there.
  absl::Status Begin();
  // Begin(), with every error told to `on_fatal_` unless something is short.
  // False: there is no file.
  bool BeginOrTell();
  void Write(std::string_view line);

  const std::string path_;
  const std::function<void(const absl::Status&)> on_fatal_;
  std::atomic<int> file_{-1};         // set once
  std::atomic<uint64_t> dropped_{0};  // messages, for want of a file
  std::atomic<size_t> bytes_{0};
  Mutex mutex_;  // held to create the file
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_INFO_LOG_H_
