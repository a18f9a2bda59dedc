#include "client/bench/process_usage.h"

#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace kappa::bench {

namespace {

// The number after "NAME:" in a file of such lines; 0 without it.
uint64_t FieldOf(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  std::string word;
  while (file >> word) {
    if (word == name) {
      uint64_t value = 0;
      file >> value;
      return value;
    }
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

// User and system time out of /proc/PID/stat, whose second field is the name in
// parentheses and may hold anything.
absl::StatusOr<double> CpuSeconds(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  const std::string stat = text.str();
  const size_t name_end = stat.rfind(')');
  if (!file || name_end == std::string::npos) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path));
  }
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  uint64_t user = 0;
  uint64_t system = 0;
  fields >> user >> system;
  return static_cast<double>(user + system) /
         static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

absl::StatusOr<ProcessUsage> ReadProcessUsage(pid_t pid) {
  const std::string base = absl::StrCat("/proc/", pid, "/");
  const absl::StatusOr<double> cpu_s = CpuSeconds(base + "stat");
  if (!cpu_s.ok()) return cpu_s.status();
  ProcessUsage usage;
  usage.cpu_s = *cpu_s;
  usage.written_bytes = FieldOf(base + "io", "write_bytes:");
  usage.read_bytes = FieldOf(base + "io", "read_bytes:");
  usage.rss_bytes = FieldOf(base + "status", "VmRSS:") * 1024;
  usage.rss_max_bytes = FieldOf(base + "status", "VmHWM:") * 1024;
  return usage;
}

}  // namespace kappa::bench
