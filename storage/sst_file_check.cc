#include "storage/sst_file_check.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "rocksdb/options.h"
#include "rocksdb/sst_file_reader.h"

namespace kappa::storage {
namespace {

namespace fs = std::filesystem;

// Relative to `path`.
std::vector<std::string> SstFilesBelow(const std::string& path) {
  std::vector<std::string> files;
  for (const char* part : {"/db", "/sealed"}) {
    std::error_code error;
    for (fs::recursive_directory_iterator at(path + part, error), end;
         !error && at != end; at.increment(error)) {
      if (at->path().extension() != ".sst") continue;
      files.push_back(
          at->path().lexically_relative(fs::path(path)).generic_string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::vector<Finding> CheckSstFiles(
    const std::string& path, absl::FunctionRef<void(uint64_t bytes)> on_file) {
  std::vector<Finding> findings;
  for (const std::string& file : SstFilesBelow(path)) {
    rocksdb::SstFileReader reader((rocksdb::Options()));
    rocksdb::Status status = reader.Open(path + "/" + file);
    if (status.ok()) status = reader.VerifyChecksum();
    std::error_code gone;
    const uint64_t bytes = fs::file_size(path + "/" + file, gone);
    on_file(gone ? 0 : bytes);
    if (status.ok()) continue;
    findings.push_back({Severity::kData, file, status.ToString(), {}});
  }
  return findings;
}

}  // namespace kappa::storage
