#include "storage/set_aside.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "storage/data_directory.h"
#include "storage/posix_status.h"
#include "storage/replaced_file.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;

// What belongs to the log and to its identity, in the order in which it goes:
// without FORMAT the rest is no data directory. Sockets of the process, its
// lock and the ballast stay.
constexpr std::string_view kParts[] = {"identity", "identity.new", "FORGOT",
                                       "damage",   "scrub",        "db",
                                       "sealed",   "watermark",    "FORMAT"};
constexpr std::string_view kForgot = "FORGOT";
constexpr std::string_view kCopyPrefix = "set-aside-";
// Holds the name of the directory that things are moved to, while they are.
constexpr std::string_view kMarker = "SETTING_ASIDE";

std::string PathOf(const std::string& directory, std::string_view name) {
  std::string path = directory + "/";
  path.append(name);
  return path;
}

// Orders copies, the newest last. One without REASON counts as the oldest.
std::tuple<fs::file_time_type, size_t, std::string> AgeOf(
    const std::string& copy) {
  std::error_code error;
  fs::file_time_type written = fs::last_write_time(copy + "/REASON", error);
  if (error) written = fs::file_time_type::min();
  // 10 comes behind 9.
  return {written, copy.size(), copy};
}

absl::Status WriteDurably(const std::string& path, const std::string& text) {
  const int file =
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return FromErrno(errno, "open", path);
  absl::Status status;
  if (write(file, text.data(), text.size()) !=
          static_cast<ssize_t>(text.size()) ||
      fsync(file) != 0) {
    status = FromErrno(errno, "write", path);
  }
  close(file);
  return status;
}

absl::Status Move(const std::string& directory, const std::string& target) {
  std::error_code error;
  for (const std::string_view part : kParts) {
    const std::string from = PathOf(directory, part);
    if (!fs::exists(from, error)) continue;
    fs::rename(from, PathOf(target, part), error);
    if (error) return FromErrno(error.value(), "rename", from);
  }
  absl::Status status = SyncDirectory(target);
  if (status.ok()) status = SyncDirectory(directory);
  // From here on the directory is one whose creation had begun.
  const std::string creating = PathOf(directory, "CREATING");
  if (status.ok()) status = WriteDurably(creating, "");
  if (status.ok()) status = SyncDirectory(directory);
  if (!status.ok()) return status;
  fs::remove(PathOf(directory, kMarker), error);
  if (error) return FromErrno(error.value(), "remove", directory);
  return SyncDirectory(directory);
}

}  // namespace

absl::StatusOr<std::string> SetAside(const std::string& directory,
                                     const std::string& reason) {
  std::error_code error;
  std::string name;
  for (int number = 1;
       name.empty() || fs::exists(directory + "/" + name, error); ++number) {
    name = absl::StrCat(std::string(kCopyPrefix), number);
  }
  const std::string target = directory + "/" + name;
  fs::create_directory(target, error);
  if (error) return FromErrno(error.value(), "create directory", target);
  absl::Status status = WriteDurably(target + "/REASON", reason + "\n");
  if (status.ok()) status = SyncDirectory(target);
  if (status.ok()) status = WriteDurably(PathOf(directory, kMarker), name);
  if (status.ok()) status = SyncDirectory(directory);
  if (status.ok()) status = Move(directory, target);
  if (!status.ok()) return status;
  return target;
}

absl::Status MarkForgotten(const std::string& directory,
                           const std::string& reason) {
  return ReplacedFile(PathOf(directory, kForgot), {}).Replace(reason);
}

absl::StatusOr<std::optional<std::string>> ReasonForgotten(
    const std::string& directory) {
  const std::string path = PathOf(directory, kForgot);
  if (access(path.c_str(), F_OK) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return FromErrno(errno, "find", path);
  }
  std::ifstream file(path, std::ios::binary);
  std::string reason((std::istreambuf_iterator<char>(file)), {});
  if (file.bad() || !file.is_open()) {
    return absl::UnavailableError("cannot read " + path);
  }
  return reason;
}

absl::StatusOr<std::vector<std::string>> SetAsideCopies(
    const std::string& directory) {
  std::vector<std::string> copies;
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  if (error == std::errc::no_such_file_or_directory) return copies;
  for (; !error && entries != fs::directory_iterator();
       entries.increment(error)) {
    const std::string name = entries->path().filename();
    if (name.starts_with(kCopyPrefix)) {
      copies.push_back(PathOf(directory, name));
    }
  }
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("list ", directory, ": ", error.message()));
  }
  std::sort(copies.begin(), copies.end(),
            [](const std::string& a, const std::string& b) {
              return AgeOf(a) < AgeOf(b);
            });
  return copies;
}

absl::Status FinishSetAside(const std::string& directory) {
  std::ifstream marker(PathOf(directory, kMarker), std::ios::binary);
  if (!marker) return absl::OkStatus();
  std::string name;
  marker >> name;
  std::error_code error;
  if (name.empty()) return absl::OkStatus();  // nothing was moved yet
  if (!fs::is_directory(directory + "/" + name, error)) {
    return absl::DataLossError(absl::StrCat(PathOf(directory, kMarker),
                                            " names \"", name,
                                            "\", which is no directory"));
  }
  return Move(directory, directory + "/" + name);
}

}  // namespace kappa::storage
