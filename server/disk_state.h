// DiskState: how much room the file system of the data directory has left, as
// what works there has to know it (RELIABILITY.md S10).
#ifndef KAPPA_SERVER_DISK_STATE_H_
#define KAPPA_SERVER_DISK_STATE_H_

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"

namespace kappa::server {

enum class DiskLevel : int {
  kAmple = 0,
  // Nothing new is accepted and nothing sealed; reads, votes and what was
  // accepted before go on.
  kLow = 1,
  // Only votes and group rows are written, on the ballast, which is released.
  kCritical = 2,
};

// Kept up to date by DiskGuard, asked by everyone else.
//
// Thread safety: thread-safe.
class DiskState {
 public:
  DiskLevel level() const { return level_.load(std::memory_order_relaxed); }
  // True while nothing may be sealed or rewritten.
  const std::atomic<bool>& low() const { return low_; }

  // Whether new records, topics and producers are accepted. Counts a refusal.
  // Errors: RESOURCE_EXHAUSTED (DISK_FULL), naming what is free and what would
  // have to be.
  absl::Status CheckAccepting() const;
  // Whether acts that need little room, and may make some, are.
  // Errors: as above.
  absl::Status CheckNotCritical() const;

  // Free bytes, without those that the ballast lacks.
  uint64_t free_bytes() const { return free_bytes_; }
  // Below this nothing is accepted.
  uint64_t low_bytes() const { return low_bytes_; }
  uint64_t critical_bytes() const { return critical_bytes_; }
  // Held by the ballast now.
  uint64_t ballast_bytes() const { return ballast_bytes_; }
  // Refused for lack of room since the start.
  uint64_t refusals() const { return refusals_; }

 private:
  friend class DiskGuard;
  absl::Status Refuse() const;

  std::atomic<DiskLevel> level_{DiskLevel::kAmple};
  std::atomic<bool> low_{false};
  std::atomic<uint64_t> free_bytes_{0};
  std::atomic<uint64_t> low_bytes_{0};
  std::atomic<uint64_t> critical_bytes_{0};
  std::atomic<uint64_t> ballast_bytes_{0};
  mutable std::atomic<uint64_t> refusals_{0};
};

// RESOURCE_EXHAUSTED (DISK_FULL): there is room here, but most voters of the
// group have none.
absl::Status VotersFull();

}  // namespace kappa::server

#endif  // KAPPA_SERVER_DISK_STATE_H_
