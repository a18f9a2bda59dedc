#include "storage/rocks_log.h"

#include <cstdarg>
#include <utility>

#include "storage/rocks_status.h"

namespace kappa::storage {
namespace {

// Inherits a LogHeader that calls Logv.
class PlainLogger final : public rocksdb::Logger {
 public:
  explicit PlainLogger(std::shared_ptr<rocksdb::Logger> target)
      : Logger(target->GetInfoLogLevel()), target_(std::move(target)) {}

  void Logv(const char* format, va_list arguments) override {
    target_->Logv(format, arguments);
  }
  void Logv(const rocksdb::InfoLogLevel level, const char* format,
            va_list arguments) override {
    target_->Logv(level, format, arguments);
  }
  size_t GetLogFileSize() const override { return target_->GetLogFileSize(); }
  void Flush() override { target_->Flush(); }

 private:
  const std::shared_ptr<rocksdb::Logger> target_;
};

class SilentLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

}  // namespace

absl::StatusOr<std::shared_ptr<rocksdb::Logger>> OpenRocksLog(
    const std::string& path, const rocksdb::DBOptions& options) {
  std::shared_ptr<rocksdb::Logger> rolling;
  const rocksdb::Status status =
      rocksdb::CreateLoggerFromOptions(path, options, &rolling);
  if (!status.ok()) return FromRocks(status, "open the log in " + path);
  return std::make_shared<PlainLogger>(std::move(rolling));
}

std::shared_ptr<rocksdb::Logger> SilentRocksLog() {
  return std::make_shared<SilentLogger>();
}

}  // namespace kappa::storage
