#include "server/rpc/replay_pace.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "proto/wire/check.h"

namespace kappa::server {
namespace {

constexpr int64_t kLookUs = 20'000;
// After so long without a chunk what was learned is old.
constexpr int64_t kOldUs = 1'000'000;
// Appends are live for so long after the last one.
constexpr int64_t kLiveUs = 500'000;
// So much may be made up for when less went than might have.
constexpr double kBurstUs = 2'000;
// What is left of older looks after 20 ms.
constexpr double kOlder = 0.7;
// What the pace grows by each 20 ms, and its least factor at one look.
constexpr double kFaster = 1.05;
constexpr double kSlowerMin = 0.8;
// What it loses at a look where the wait is twice the longest allowed.
constexpr double kSlower = 0.2;
// A pace of so many times what is reached slows nobody.
constexpr double kAmple = 4;
// Of the wait before the replays.
constexpr double kMoreThanAlone = 1.25;
// Fewer say nothing of the mean.
constexpr double kWaitsMin = 100;
constexpr double kTimesAppended = 2;

double Difference(uint64_t to, uint64_t from) {
  return static_cast<double>(to - from);
}

}  // namespace

ReplayPace::ReplayPace(ReplayPaceLimits limits,
                       std::function<storage::WriterLoad()> load)
    : limits_(limits), load_(std::move(load)) {
  KAPPA_CHECK(limits_.bytes_per_s_min > 0, "a replay must come to its end");
}

ReplayPace::Turn ReplayPace::Take(int64_t now_us, size_t bytes) {
  MutexLock lock(&mutex_);
  if (!looked_us_.has_value() || now_us - *looked_us_ >= kLookUs) Look(now_us);
  taken_bytes_ += static_cast<double>(bytes);
  if (bytes_per_us_ == kNotSlowed) return Turn{now_us, bytes, 0};
  const double at_us =
      std::max(next_us_, static_cast<double>(now_us) - kBurstUs);
  const double price_us = static_cast<double>(bytes) / bytes_per_us_;
  next_us_ = at_us + price_us;
  return Turn{std::max(now_us, static_cast<int64_t>(at_us)), bytes, price_us};
}

void ReplayPace::Settle(const Turn& turn, size_t bytes) {
  MutexLock lock(&mutex_);
  const auto reserved = static_cast<double>(turn.bytes);
  const double more = static_cast<double>(bytes) - reserved;
  taken_bytes_ += more;
  if (turn.price_us > 0) next_us_ += turn.price_us * more / reserved;
}

void ReplayPace::Look(int64_t now_us) {
  const storage::WriterLoad load = load_();
  if (!looked_us_.has_value() || now_us - *looked_us_ > kOldUs) {
    Begin(now_us, load);
  } else {
    const bool sampled = TakeSample(now_us, load);
    if (now_us - appended_at_us_ >= kLiveUs) {
      bytes_per_us_ = kNotSlowed;
      waits_ = waited_us_ = 0;
    } else if (sampled) {
      Decide(now_us);
    }
  }
  before_ = load;
  looked_us_ = now_us;
  taken_bytes_ = 0;
}

void ReplayPace::Begin(int64_t now_us, const storage::WriterLoad& load) {
  if (load.waits.has_value()) {
    // The counters begin with the writer.
    const storage::ProcessorWaits from =
        before_.waits.value_or(storage::ProcessorWaits());
    const double waits = Difference(load.waits->count, from.count);
    if (waits >= kWaitsMin) {
      wait_alone_us_ =
          Difference(load.waits->waited_us, from.waited_us) / waits;
    }
  }
  waits_ = waited_us_ = 0;
  first_sample_ = true;
  appended_at_us_ = now_us - kLiveUs;
  bytes_per_us_ = kNotSlowed;
}

bool ReplayPace::TakeSample(int64_t now_us, const storage::WriterLoad& load) {
  const auto elapsed_us = static_cast<double>(now_us - *looked_us_);
  const double older = std::pow(kOlder, elapsed_us / kLookUs);
  const double newest = std::exchange(first_sample_, false) ? 1 : 1 - older;
  const double appended = Difference(load.payload_bytes, before_.payload_bytes);
  if (appended > 0) appended_at_us_ = now_us;
  appended_per_us_ += newest * (appended / elapsed_us - appended_per_us_);
  const double reached_per_us = std::max(0.0, taken_bytes_) / elapsed_us;
  reached_per_us_ += newest * (reached_per_us - reached_per_us_);
  if (!load.waits.has_value() || !before_.waits.has_value()) return false;
  const double waits = Difference(load.waits->count, before_.waits->count);
  if (waits == 0) return false;
  waits_ = older * waits_ + waits;
  waited_us_ = older * waited_us_ +
               Difference(load.waits->waited_us, before_.waits->waited_us);
  return true;
}

void ReplayPace::Decide(int64_t now_us) {
  const double least =
      std::max(limits_.bytes_per_s_min / 1e6,
               kTimesAppended * appended_per_us_ * behind_->load());
  const double wait_us = waited_us_ / waits_;
  const double wait_us_max =
      std::max({1.0, limits_.wait_us_max, kMoreThanAlone * wait_alone_us_});
  if (wait_us <= wait_us_max) {
    const auto elapsed_us = static_cast<double>(now_us - *looked_us_);
    bytes_per_us_ *= std::pow(kFaster, elapsed_us / kLookUs);
    if (bytes_per_us_ > kAmple * std::max(least, reached_per_us_)) {
      bytes_per_us_ = kNotSlowed;
    }
    return;
  }
  if (bytes_per_us_ == kNotSlowed) {
    bytes_per_us_ = reached_per_us_;
    next_us_ = static_cast<double>(now_us);
  }
  const double slower =
      std::max(kSlowerMin, 1 - kSlower * (wait_us / wait_us_max - 1));
  bytes_per_us_ = std::max(least, bytes_per_us_ * slower);
}

}  // namespace kappa::server
