// SetAsideList: what was set aside in a data directory and fills the disk.
#ifndef KAPPA_SERVER_SET_ASIDE_LIST_H_
#define KAPPA_SERVER_SET_ASIDE_LIST_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proto/wire/mutex.h"

namespace kappa::server {

struct SetAsideCopy {
  std::string path;
  uint64_t bytes = 0;    // of its files
  int64_t since_us = 0;  // when it was set aside, since 1970-01-01T00:00:00Z
};

// Each copy is measured once: nothing is written to it any more.
//
// Thread safety: thread-safe.
class SetAsideList {
 public:
  explicit SetAsideList(std::string data_dir)
      : data_dir_(std::move(data_dir)) {}

  // Those that are there now, by name. Reads the file system: not for threads
  // that others wait for.
  std::vector<SetAsideCopy> All();

 private:
  const std::string data_dir_;
  Mutex mutex_;
  std::map<std::string, SetAsideCopy> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_SET_ASIDE_LIST_H_
