#include "client/cli/local/kappad_program.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace kappa::cli {
namespace {

namespace fs = std::filesystem;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<fs::path> Candidates(const std::string& named) {
  if (!named.empty()) return {named};
  if (!Environment("KAPPAD").empty()) return {Environment("KAPPAD")};
  std::error_code error;
  const fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
  // As installed, and as built: client/cli/kappa and server/kappad.
  std::vector<fs::path> candidates = {here / "kappad",
                                      here / "../../server/kappad"};
  const std::string path = Environment("PATH");
  for (const absl::string_view folder :
       absl::StrSplit(path, ':', absl::SkipEmpty())) {
    candidates.push_back(fs::path(std::string(folder)) / "kappad");
  }
  return candidates;
}

}  // namespace

absl::StatusOr<std::string> FindKappad(const std::string& named) {
  const std::vector<fs::path> candidates = Candidates(named);
  std::error_code error;
  for (const fs::path& candidate : candidates) {
    if (fs::is_regular_file(candidate, error) &&
        access(candidate.c_str(), X_OK) == 0) {
      return fs::absolute(candidate).lexically_normal().string();
    }
  }
  const bool only_one = candidates.size() == 1;
  return absl::FailedPreconditionError(absl::StrCat(
      "no program ", candidates.front().lexically_normal().string(),
      only_one ? "" : ", and no kappad in PATH", ": name it with --kappad"));
}

}  // namespace kappa::cli
