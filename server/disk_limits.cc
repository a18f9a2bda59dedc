#include "server/disk_limits.h"

#include <algorithm>

namespace kappa::server {

DiskLimits ResolveDiskLimits(const DiskSettings& settings,
                             uint64_t reserve_bytes,
                             uint64_t file_system_bytes) {
  const uint64_t by_default = std::min(reserve_bytes, file_system_bytes / 8);
  DiskLimits limits;
  limits.ballast_bytes = settings.ballast_bytes.value_or(by_default);
  limits.critical_bytes = settings.critical_bytes.value_or(by_default);
  limits.low_bytes = std::max(settings.low_bytes.value_or(2 * by_default),
                              limits.critical_bytes);
  return limits;
}

}  // namespace kappa::server
