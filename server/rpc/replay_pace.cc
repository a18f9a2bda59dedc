#include "server/rpc/replay_pace.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace kappa::server {
namespace {

constexpr int64_t kLookUs = 20'000;
// After so long without a replay what was learned is old.
constexpr int64_t kOldUs = 1'000'000;
// Appends are live for so long after the last one.
constexpr int64_t kLiveUs = 500'000;
// So much may go at once after a time in which less went.
constexpr double kBurstUs = 2'000;
// Weight of the newest sample.
constexpr double kNewest = 0.3;
// Of the rate, at each look.
constexpr double kFaster = 1.05;
constexpr double kSlowerMin = 0.8;
// How much slower for each time by which the wait is too long.
constexpr double kSlope = 0.2;
// Of the wait without replays.
constexpr double kMoreThanAlone = 1.25;

// The mean wait between two samples.
std::optional<double> WaitUs(const std::optional<storage::ProcessorWaits>& from,
                             const std::optional<storage::ProcessorWaits>& to) {
  if (!from.has_value() || !to.has_value() || to->count == from->count) {
    return std::nullopt;
  }
  return static_cast<double>(to->waited_us - from->waited_us) /
         static_cast<double>(to->count - from->count);
}

}  // namespace

ReplayPace::ReplayPace(ReplayPaceLimits limits,
                       std::function<storage::WriterLoad()> load)
    : limits_(limits), load_(std::move(load)) {}

int64_t ReplayPace::Take(int64_t now_us, size_t bytes, size_t replays) {
  MutexLock lock(&mutex_);
  if (now_us - looked_us_ >= kLookUs) Look(now_us, replays);
  taken_bytes_ += static_cast<double>(bytes);
  if (bytes_per_us_ == kNotSlowed) return now_us;
  const double at_us =
      std::max(next_us_, static_cast<double>(now_us) - kBurstUs);
  next_us_ = at_us + static_cast<double>(bytes) / bytes_per_us_;
  return std::max(now_us, static_cast<int64_t>(at_us));
}

void ReplayPace::Return(size_t bytes) {
  MutexLock lock(&mutex_);
  taken_bytes_ -= static_cast<double>(bytes);
  if (bytes_per_us_ != kNotSlowed) {
    next_us_ -= static_cast<double>(bytes) / bytes_per_us_;
  }
}

double ReplayPace::bytes_per_s() const {
  MutexLock lock(&mutex_);
  return bytes_per_us_ * 1e6;
}

void ReplayPace::Begin(int64_t now_us, const storage::WriterLoad& load) {
  wait_alone_us_ = WaitUs(before_.waits, load.waits).value_or(0);
  wait_us_ = appended_per_us_ = 0;
  appended_at_us_ = now_us - kLiveUs;
  bytes_per_us_ = kNotSlowed;
}

bool ReplayPace::Live(int64_t now_us, const storage::WriterLoad& load) {
  const auto elapsed_us = static_cast<double>(now_us - looked_us_);
  const uint64_t appended = load.payload_bytes - before_.payload_bytes;
  if (appended > 0) appended_at_us_ = now_us;
  appended_per_us_ +=
      kNewest * (static_cast<double>(appended) / elapsed_us - appended_per_us_);
  const std::optional<double> wait_us = WaitUs(before_.waits, load.waits);
  if (wait_us.has_value()) wait_us_ += kNewest * (*wait_us - wait_us_);
  return load.waits.has_value() && now_us - appended_at_us_ < kLiveUs;
}

void ReplayPace::Look(int64_t now_us, size_t replays) {
  const storage::WriterLoad load = load_();
  const double reached =
      std::max(0.0, taken_bytes_) / static_cast<double>(now_us - looked_us_);
  if (now_us - looked_us_ > kOldUs) {
    Begin(now_us, load);
  } else if (Live(now_us, load)) {
    Decide(now_us, reached, replays);
  } else {
    bytes_per_us_ = kNotSlowed;
  }
  before_ = load;
  looked_us_ = now_us;
  taken_bytes_ = 0;
}

void ReplayPace::Decide(int64_t now_us, double reached, size_t replays) {
  const double limit_us =
      std::max({1.0, limits_.wait_us_max, kMoreThanAlone * wait_alone_us_});
  if (wait_us_ <= limit_us) {
    bytes_per_us_ *= kFaster;
    return;
  }
  const double slower =
      std::max(kSlowerMin, 1 - kSlope * (wait_us_ / limit_us - 1));
  const double least =
      std::max(limits_.bytes_per_s_min / 1e6,
               2 * appended_per_us_ * static_cast<double>(replays));
  if (bytes_per_us_ == kNotSlowed) next_us_ = static_cast<double>(now_us);
  bytes_per_us_ = std::max(least, std::min(bytes_per_us_, reached) * slower);
}

}  // namespace kappa::server
