// DiskLimits: the thresholds of free space and the size of the ballast.
#ifndef KAPPA_SERVER_DISK_LIMITS_H_
#define KAPPA_SERVER_DISK_LIMITS_H_

#include <cstdint>
#include <optional>

namespace kappa::server {

// As set by a person; absent: the default.
struct DiskSettings {
  std::optional<uint64_t> low_bytes;
  std::optional<uint64_t> critical_bytes;
  std::optional<uint64_t> ballast_bytes;
};

// Invariant: low_bytes >= critical_bytes.
struct DiskLimits {
  uint64_t low_bytes = 0;       // less is free: nothing new is accepted
  uint64_t critical_bytes = 0;  // less is free: the ballast is released
  uint64_t ballast_bytes = 0;
};

// Default ballast: `reserve_bytes`, what may still be written once nothing new
// is accepted (memtables and WAL), but at most 1/8 of the file system. Default
// thresholds: critical as much as the ballast, low twice as much, so that what
// was accepted before `low` fits between the two. A `low` below `critical` is
// raised to it.
DiskLimits ResolveDiskLimits(const DiskSettings& settings,
                             uint64_t reserve_bytes,
                             uint64_t file_system_bytes);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_DISK_LIMITS_H_
