// LeaderFitness: whether a node should lead groups, by its disk and its clock
// (RELIABILITY.md S10, S12; DESIGN.md, append time).
#ifndef KAPPA_SERVER_LEADER_FITNESS_H_
#define KAPPA_SERVER_LEADER_FITNESS_H_

#include <cstdint>
#include <string>

#include "raft/role.h"
#include "server/disk_state.h"
#include "storage/log_writer.h"

namespace kappa::server {

// How the node does now.
struct NodeVitals {
  DiskLevel disk = DiskLevel::kAmple;
  storage::CommitPulse commits;
  // Writes wait for the store's memory.
  bool writes_stalled = false;
  // How far the node's wall clock is ahead of the median of the nodes' clocks;
  // negative: behind.
  int64_t clock_ahead_us = 0;
};

// Looked at many times a second. What a core is told of as a slow disk is every
// reason to rather let another node lead: no room for new entries, commits that
// have all been slow for a while, a clock that is far off. A write that waits
// for memory is none, unless it waits so long that the disk it waits for must
// hang.
//
// Thread safety: thread-compatible.
class LeaderFitness {
 public:
  // A clock so far from the median gives leadership away; one that is back to
  // half of that may lead again.
  static constexpr int64_t kClockOffUsMax = 10'000'000;
  // How long a clock must be off, or the commits slow, without a break.
  static constexpr int64_t kClockOffForUs = 1'000'000;
  static constexpr int64_t kSlowForUs = 500'000;
  // A commit that waits for memory is taken for one that hangs after that long.
  static constexpr int64_t kStallExcusesUs = 2'000'000;
  // How long a disk is taken for slow after it was.
  static constexpr int64_t kSlowHeldUs = 10'000'000;

  // `slow_commit_us`: see LogWriterOptions.
  explicit LeaderFitness(int64_t slow_commit_us)
      : slow_commit_us_(slow_commit_us) {}

  // What the cores are to be told; `now_us` never falls.
  raft::DiskHealth Look(const NodeVitals& vitals, int64_t now_us);
  // Why the last answer was not kHealthy, for people; "" if it was.
  const std::string& reason() const { return reason_; }

 private:
  static bool StallExcuses(const NodeVitals& vitals);
  bool IsSlow(const NodeVitals& vitals, int64_t now_us);
  bool ClockIsOff(int64_t ahead_us, int64_t now_us);

  // Evidence of this age counts no more.
  static constexpr int64_t kForgetUs = 2'000'000;
  static constexpr int64_t kNever = -1;

  const int64_t slow_commit_us_;
  uint64_t commits_ = 0;
  uint64_t slow_commits_ = 0;
  int64_t slow_since_us_ = kNever;
  int64_t last_slow_us_ = kNever;
  int64_t slow_until_us_ = kNever;
  int64_t stalled_until_us_ = kNever;
  int64_t clock_off_since_us_ = kNever;
  bool clock_off_ = false;
  std::string reason_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_LEADER_FITNESS_H_
