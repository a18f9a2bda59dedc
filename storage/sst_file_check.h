// Checks an SST file by its own checksums, for directories whose database
// cannot say what its files must be.
#ifndef KAPPA_STORAGE_SST_FILE_CHECK_H_
#define KAPPA_STORAGE_SST_FILE_CHECK_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "storage/check_report.h"

namespace kappa::storage {

// Damaged SST files below `path`/db and `path`/sealed. Told of the size of each
// file that was read.
std::vector<Finding> CheckSstFiles(
    const std::string& path, absl::FunctionRef<void(uint64_t bytes)> on_file);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SST_FILE_CHECK_H_
