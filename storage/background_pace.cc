#include "storage/background_pace.h"

#include <algorithm>
#include <cmath>

namespace kappa::storage {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr Seconds kWindow{0.1};
// After that time without load half of it counts.
constexpr Seconds kHalfLife{1};
constexpr double kTimesAppended = 3;
// A change by less is left out.
constexpr double kChangePart = 0.1;

}  // namespace

void BackgroundPace::Note(uint64_t bytes, Time now) {
  if (since_ == Time()) since_ = now;
  bytes_ += bytes;
  const Seconds elapsed = now - since_;
  if (elapsed < kWindow) return;
  const double rate = static_cast<double>(bytes_) / elapsed.count();
  appended_ = std::max(rate, appended_ * std::exp2(-(elapsed / kHalfLife)));
  since_ = now;
  bytes_ = 0;
  const auto wanted = static_cast<uint64_t>(
      std::clamp(kTimesAppended * appended_,
                 static_cast<double>(std::min(kBytesPerSecondMin, max_)),
                 static_cast<double>(max_)));
  const double change =
      std::abs(static_cast<double>(wanted) - static_cast<double>(set_));
  if (change < kChangePart * static_cast<double>(set_)) return;
  limiter_->SetBytesPerSecond(static_cast<int64_t>(wanted));
  set_ = wanted;
}

}  // namespace kappa::storage
