#include "server/leader_fitness.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kappa::server {
namespace {

// A commit that waited for memory may end that much later.
constexpr int64_t kStallEchoUs = 1'000'000;

}  // namespace

// A disk that hangs while memory is flushed to it would else stay unseen: the
// stall lasts until the flush ends.
bool LeaderFitness::StallExcuses(const NodeVitals& vitals) {
  return vitals.commits.committing_us < kStallExcusesUs;
}

bool LeaderFitness::IsSlow(const NodeVitals& vitals, int64_t now_us) {
  const storage::CommitPulse& pulse = vitals.commits;
  const uint64_t slow = pulse.slow_commits - slow_commits_;
  const uint64_t fast = pulse.commits - commits_ - slow;
  commits_ = pulse.commits;
  slow_commits_ = pulse.slow_commits;
  if (vitals.writes_stalled) stalled_until_us_ = now_us + kStallEchoUs;
  const bool forgotten =
      last_slow_us_ != kNever && now_us - last_slow_us_ > kForgetUs;
  const bool excused = now_us < stalled_until_us_ && StallExcuses(vitals);
  if (fast > 0 || forgotten || excused) {
    slow_since_us_ = last_slow_us_ = kNever;
  } else if (slow > 0 || pulse.committing_us >= slow_commit_us_) {
    if (slow_since_us_ == kNever) slow_since_us_ = now_us;
    last_slow_us_ = now_us;
    if (now_us - slow_since_us_ >= kSlowForUs) {
      slow_until_us_ = now_us + kSlowHeldUs;
    }
  }
  return now_us < slow_until_us_;
}

bool LeaderFitness::ClockIsOff(int64_t ahead_us, int64_t now_us) {
  const int64_t off_us_max = clock_off_ ? kClockOffUsMax / 2 : kClockOffUsMax;
  if (std::llabs(ahead_us) <= off_us_max) {
    clock_off_since_us_ = kNever;
    clock_off_ = false;
  } else {
    if (clock_off_since_us_ == kNever) clock_off_since_us_ = now_us;
    clock_off_ = now_us - clock_off_since_us_ >= kClockOffForUs;
  }
  return clock_off_;
}

raft::DiskHealth LeaderFitness::Look(const NodeVitals& vitals, int64_t now_us) {
  const bool slow = IsSlow(vitals, now_us);
  const bool clock_off = ClockIsOff(vitals.clock_ahead_us, now_us);
  if (vitals.disk == DiskLevel::kCritical) {
    reason_ = "disk space is critical";
    return raft::DiskHealth::kFull;
  }
  if (vitals.disk == DiskLevel::kLow) {
    reason_ = "disk space is low";
  } else if (slow) {
    reason_ = "the disk is slow";
  } else if (clock_off) {
    reason_ = absl::StrCat("the clock is off the nodes' median by ",
                           vitals.clock_ahead_us / 1'000'000, " s");
  } else {
    const bool stalled = vitals.writes_stalled && StallExcuses(vitals);
    reason_ = stalled ? "writes wait for memory" : "";
    return stalled ? raft::DiskHealth::kStalled : raft::DiskHealth::kHealthy;
  }
  return raft::DiskHealth::kSlow;
}

}  // namespace kappa::server
