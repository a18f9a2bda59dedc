#include "storage/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "storage/posix_status.h"
#include "storage/watermark.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;

// How many names of files that are not ours a message has.
constexpr size_t kForeignNamesMax = 3;
constexpr char kFormatPrefix[] = "kappa data directory, format ";

absl::Status FromFilesystem(const std::error_code& error,
                            std::string_view operation, std::string_view path) {
  return FromErrno(error.value(), operation, path);
}

bool Exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

// Creates or replaces the file, durable (its name once the directory is
// synced).
absl::Status WriteSyncedFile(const std::string& path, std::string_view text) {
  const int file =
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return FromErrno(errno, "create", path);
  absl::Status status;
  if (write(file, text.data(), text.size()) !=
      static_cast<ssize_t>(text.size())) {
    status = FromErrno(errno, "write", path);
  } else if (fsync(file) != 0) {
    status = FromErrno(errno, "sync", path);
  }
  close(file);
  return status;
}

// Whether the file is a watermark that Kappa wrote.
bool HasWatermark(const std::string& path) {
  const absl::StatusOr<WatermarkSlots> slots = ReadWatermark(path);
  return slots.ok() && slots->newest().has_value();
}

std::string ReadSmallFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(4096, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

absl::Status CheckFormat(const std::string& path) {
  const std::string text = ReadSmallFile(path);
  absl::string_view rest = text;
  uint32_t format = 0;
  if (!absl::ConsumePrefix(&rest, kFormatPrefix) ||
      !absl::SimpleAtoi(absl::StripSuffix(rest, "\n"), &format) ||
      format == 0) {
    return absl::DataLossError(
        absl::StrCat(path, " does not say a format; it should read \"",
                     kFormatPrefix, kDirectoryFormat, "\""));
  }
  if (format > kDirectoryFormat) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, " says format ", format, "; this build reads formats up to ",
        kDirectoryFormat, ": use a newer kappad"));
  }
  return absl::OkStatus();
}

absl::Status InUse(const std::string& directory, const std::string& lock) {
  return absl::FailedPreconditionError(
      absl::StrCat("data directory ", directory, " is in use by process ",
                   absl::StripSuffix(ReadSmallFile(lock), "\n")));
}

absl::StatusOr<int> TakeLock(const std::string& directory) {
  const std::string path = directory + "/LOCK";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return FromErrno(errno, "open", path);
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    close(file);
    if (error != EWOULDBLOCK) return FromErrno(error, "lock", path);
    return InUse(directory, path);
  }
  const std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(file, 0) != 0 || pwrite(file, pid.data(), pid.size(), 0) !=
                                     static_cast<ssize_t>(pid.size())) {
    const absl::Status status = FromErrno(errno, "write", path);
    close(file);
    return status;
  }
  return file;
}

// Keeps every writer out, and changes nothing. -1 when there is no lock file:
// then no kappad was ever here, and none can be.
absl::StatusOr<int> TakeSharedLock(const std::string& directory) {
  const std::string path = directory + "/LOCK";
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    if (errno == ENOENT) return -1;
    return FromErrno(errno, "open", path);
  }
  if (flock(file, LOCK_SH | LOCK_NB) != 0) {
    const int error = errno;
    close(file);
    if (error != EWOULDBLOCK) return FromErrno(error, "lock", path);
    return InUse(directory, path);
  }
  return file;
}

}  // namespace

absl::Status SyncDirectory(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return FromErrno(errno, "open", path);
  const absl::Status status =
      fsync(file) == 0 ? absl::OkStatus() : FromErrno(errno, "sync", path);
  close(file);
  return status;
}

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Open(
    const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return FromFilesystem(error, "create directory", path);
  const absl::Status ours = CheckOurs(path);
  if (!ours.ok()) return ours;
  absl::StatusOr<int> lock = TakeLock(path);
  if (!lock.ok()) return lock.status();
  std::unique_ptr<DataDirectory> directory(new DataDirectory(path, *lock));
  const absl::Status status = directory->Inspect();
  if (!status.ok()) return status;
  return directory;
}

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::OpenToLook(
    const std::string& path) {
  if (!Exists(path)) {
    return absl::NotFoundError(absl::StrCat("there is no directory ", path));
  }
  absl::StatusOr<int> lock = TakeSharedLock(path);
  if (!lock.ok()) return lock.status();
  std::unique_ptr<DataDirectory> directory(new DataDirectory(path, *lock));
  bool absent = false;
  directory->format_status_ = directory->InspectFormat(&absent);
  if (absent) {
    return absl::NotFoundError(
        absl::StrCat(path, " is not a data directory: nothing was stored"));
  }
  // What a newer build wrote is not damaged, and this one cannot read it.
  if (absl::IsFailedPrecondition(directory->format_status_) &&
      Exists(path + "/FORMAT")) {
    return directory->format_status_;
  }
  return directory;
}

DataDirectory::DataDirectory(std::string path, int lock_file)
    : path_(std::move(path)), lock_file_(lock_file) {}

DataDirectory::~DataDirectory() {
  if (lock_file_ >= 0) close(lock_file_);
}

absl::Status DataDirectory::InspectFormat(bool* absent) const {
  if (Exists(path_ + "/FORMAT")) return CheckFormat(path_ + "/FORMAT");
  const bool holds_data = Exists(database_path()) || Exists(sealed_path()) ||
                          Exists(watermark_path());
  *absent = !holds_data || Exists(path_ + "/CREATING");
  if (*absent) return absl::OkStatus();
  if (HasWatermark(watermark_path())) {
    return absl::DataLossError(absl::StrCat(
        "data directory ", path_, " lost something it promised: ", path_,
        "/FORMAT is missing, but there is a watermark of Kappa's; nothing was "
        "changed"));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      path_, " holds data, but its FORMAT file is missing: put it back (\"",
      kFormatPrefix, kDirectoryFormat,
      "\") if this is a Kappa data directory, or use another directory"));
}

absl::Status DataDirectory::CheckOurs(const std::string& path) {
  if (Exists(path + "/FORMAT") || Exists(path + "/CREATING") ||
      HasWatermark(path + "/watermark")) {
    return absl::OkStatus();
  }
  // Our lock of a creation that ended before it began, what Inspect reports,
  // and what a new file system has.
  static constexpr std::string_view kNotForeign[] = {"LOCK", "db", "sealed",
                                                     "watermark", "lost+found"};
  std::vector<std::string> foreign;
  std::error_code error;
  for (fs::directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    std::string name = it->path().filename().string();
    if (std::find(std::begin(kNotForeign), std::end(kNotForeign), name) ==
        std::end(kNotForeign)) {
      foreign.push_back(std::move(name));
    }
  }
  if (error) return FromFilesystem(error, "list", path);
  if (foreign.empty()) return absl::OkStatus();
  std::sort(foreign.begin(), foreign.end());
  const size_t count = foreign.size();
  foreign.resize(std::min<size_t>(count, kForeignNamesMax));
  return absl::FailedPreconditionError(absl::StrCat(
      path, " is not empty and no Kappa data directory: it holds ",
      absl::StrJoin(foreign, ", "),
      count > kForeignNamesMax
          ? absl::StrCat(" and ", count - kForeignNamesMax, " more")
          : "",
      "; name a new or an empty directory"));
}

absl::Status DataDirectory::Inspect() {
  bool absent = false;
  const absl::Status status = InspectFormat(&absent);
  if (!status.ok()) return status;
  if (absent) return BeginCreation();
  if (Exists(path_ + "/CREATING")) return FinishCreation();  // all that is left
  return absl::OkStatus();
}

absl::Status DataDirectory::BeginCreation() {
  fresh_ = true;
  absl::Status status = WriteSyncedFile(path_ + "/CREATING", "");
  if (status.ok()) status = SyncDirectory(path_);
  if (!status.ok()) return status;
  std::error_code error;
  for (const std::string& leftover :
       {database_path(), sealed_path(), watermark_path()}) {
    fs::remove_all(leftover, error);
    if (error) return FromFilesystem(error, "remove", leftover);
  }
  for (const std::string& part : {database_path(), sealed_path()}) {
    fs::create_directory(part, error);
    if (error) return FromFilesystem(error, "create directory", part);
  }
  return absl::OkStatus();
}

absl::Status DataDirectory::FinishCreation() {
  absl::Status status = SyncDirectory(database_path());
  if (status.ok()) status = SyncDirectory(sealed_path());
  if (status.ok() && !Exists(path_ + "/FORMAT")) {
    const std::string scratch = path_ + "/FORMAT.new";
    status = WriteSyncedFile(
        scratch, absl::StrCat(kFormatPrefix, kDirectoryFormat, "\n"));
    std::error_code error;
    if (status.ok()) fs::rename(scratch, path_ + "/FORMAT", error);
    if (error) status = FromFilesystem(error, "rename", scratch);
  }
  if (status.ok()) status = SyncDirectory(path_);
  if (!status.ok()) return status;
  std::error_code error;
  fs::remove(path_ + "/CREATING", error);
  if (error) return FromFilesystem(error, "remove", path_ + "/CREATING");
  // The directory itself may be new in its parent.
  status = SyncDirectory(path_);
  const fs::path parent = fs::absolute(path_).parent_path();
  return status.ok() ? SyncDirectory(parent.string()) : status;
}

}  // namespace kappa::storage
