#include "tests/performance/commit_limit.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "rocksdb/write_batch.h"
#include "tests/performance/bare_database.h"

namespace kappa::performance {
namespace {

constexpr size_t kSlotBytes = 4096;
constexpr size_t kSlots = 2;  // written in turn
constexpr size_t kValueBytes = 1024;

absl::Status Failure(const char* what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(errno)));
}

// Closes its file at the end.
class SlotFile {
 public:
  SlotFile()
      : slot_(static_cast<char*>(std::aligned_alloc(kSlotBytes, kSlotBytes))) {
    std::memset(slot_.get(), 'w', kSlotBytes);
  }
  ~SlotFile() {
    if (file_ >= 0) close(file_);
  }
  SlotFile(const SlotFile&) = delete;
  SlotFile& operator=(const SlotFile&) = delete;

  // Makes the file with all slots written and synced; opens it past the page
  // cache where the file system can, as the store does.
  absl::Status Create(const std::string& path) {
    file_ = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file_ < 0) return Failure("create the slots");
    for (size_t i = 0; i < kSlots; ++i) {
      const absl::Status status = WriteNext();
      if (!status.ok()) return status;
    }
    const int direct = open(path.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC);
    if (direct < 0) return absl::OkStatus();
    close(file_);
    file_ = direct;
    return absl::OkStatus();
  }

  absl::Status WriteNext() {
    const off_t at = static_cast<off_t>(next_ * kSlotBytes);
    if (pwrite(file_, slot_.get(), kSlotBytes, at) !=
        static_cast<ssize_t>(kSlotBytes)) {
      return Failure("write a slot");
    }
    if (fdatasync(file_) != 0) return Failure("sync a slot");
    next_ = (next_ + 1) % kSlots;
    return absl::OkStatus();
  }

 private:
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };

  int file_ = -1;
  size_t next_ = 0;
  std::unique_ptr<char, Free> slot_;
};

absl::Status CommitOne(const std::string& value, BareDatabase* database,
                       SlotFile* slots) {
  rocksdb::WriteBatch batch;
  absl::Status status = database->Put(value, &batch);
  if (status.ok()) status = database->Write(&batch);
  if (status.ok()) status = slots->WriteNext();
  return status;
}

}  // namespace

absl::StatusOr<CommitTimes> MeasureCommit(const std::string& directory,
                                          absl::Duration duration) {
  const auto database = BareDatabase::Create(directory);
  if (!database.ok()) return database.status();
  SlotFile slots;
  const absl::Status created = slots.Create(directory + "/watermark");
  if (!created.ok()) return created;
  const std::string value(kValueBytes, 'v');
  std::vector<double> times_ms;
  const absl::Time end = absl::Now() + duration;
  absl::Time began = absl::Now();
  while (began < end) {
    const absl::Status status = CommitOne(value, database->get(), &slots);
    if (!status.ok()) return status;
    const absl::Time now = absl::Now();
    times_ms.push_back(absl::ToDoubleMilliseconds(now - began));
    began = now;
  }
  if (times_ms.empty()) return absl::InvalidArgumentError("no time to commit");
  std::sort(times_ms.begin(), times_ms.end());
  return CommitTimes{.commits = times_ms.size(),
                     .p50_ms = times_ms[times_ms.size() / 2],
                     .p99_ms = times_ms[times_ms.size() * 99 / 100]};
}

}  // namespace kappa::performance
