#include "server/set_aside_list.h"

#include <sys/stat.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "storage/set_aside.h"

namespace kappa::server {
namespace {

namespace fs = std::filesystem;

// What cannot be read counts as nothing.
SetAsideCopy Measure(const std::string& path) {
  SetAsideCopy copy;
  copy.path = path;
  struct stat written {};
  if (stat((path + "/REASON").c_str(), &written) == 0) {
    copy.since_us = int64_t{written.st_mtim.tv_sec} * 1'000'000 +
                    written.st_mtim.tv_nsec / 1'000;
  }
  std::error_code error;
  fs::recursive_directory_iterator entries(path, error);
  for (; !error && entries != fs::recursive_directory_iterator();
       entries.increment(error)) {
    std::error_code unread;
    if (!entries->is_regular_file(unread)) continue;
    const uint64_t bytes = entries->file_size(unread);
    if (!unread) copy.bytes += bytes;
  }
  return copy;
}

}  // namespace

std::vector<SetAsideCopy> SetAsideList::All() {
  std::vector<SetAsideCopy> all;
  const auto paths = storage::SetAsideCopies(data_dir_);
  if (!paths.ok()) return all;
  MutexLock lock(&mutex_);
  std::map<std::string, SetAsideCopy> known;
  for (const std::string& path : *paths) {
    const auto before = known_.find(path);
    known[path] = before != known_.end() ? before->second : Measure(path);
    all.push_back(known[path]);
  }
  known_ = std::move(known);
  return all;
}

}  // namespace kappa::server
