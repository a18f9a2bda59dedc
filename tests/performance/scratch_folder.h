// ScratchFolder: a new folder in $TMPDIR that goes with the object.
#ifndef KAPPA_TESTS_PERFORMANCE_SCRATCH_FOLDER_H_
#define KAPPA_TESTS_PERFORMANCE_SCRATCH_FOLDER_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "proto/wire/check.h"

namespace kappa::performance {

// Immutable. Must outlive what is open in the folder.
class ScratchFolder {
 public:
  ScratchFolder()
      : path_(std::filesystem::temp_directory_path() /
              "kappa-benchmark-XXXXXX") {
    KAPPA_CHECK(mkdtemp(path_.data()) != nullptr, "no temporary folder");
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace kappa::performance

#endif  // KAPPA_TESTS_PERFORMANCE_SCRATCH_FOLDER_H_
