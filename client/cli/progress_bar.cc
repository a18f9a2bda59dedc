#include "client/cli/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace kappa::cli {

namespace {

constexpr int kBarWidth = 30;
constexpr absl::Duration kPeriod = absl::Milliseconds(100);

}  // namespace

ProgressBar::ProgressBar(std::string label, uint64_t total)
    : label_(std::move(label)),
      total_(total),
      shown_(isatty(STDERR_FILENO) == 1),
      begin_(absl::Now()) {}

ProgressBar::~ProgressBar() {
  if (drawn_ != absl::Time()) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::Draw(uint64_t done, uint64_t records) {
  const absl::Time now = absl::Now();
  if (now - drawn_ < kPeriod) return;
  drawn_ = now;
  const double seconds = std::max(absl::ToDoubleSeconds(now - begin_), 1e-3);
  std::string line = absl::StrFormat("\r%s ", label_);
  if (total_ > 0) {
    const double part =
        std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
    const int filled = static_cast<int>(part * kBarWidth);
    absl::StrAppend(&line, "[", std::string(filled, '#'),
                    std::string(kBarWidth - filled, '.'), "] ");
    absl::StrAppendFormat(&line, "%3.0f%%  ", part * 100);
  }
  absl::StrAppendFormat(&line, "%d records, %.0f/s", records,
                        static_cast<double>(records) / seconds);
  if (total_ > 0 && done > 0) {
    const double left = seconds *
                        (static_cast<double>(total_) -
                         static_cast<double>(std::min(done, total_))) /
                        static_cast<double>(done);
    absl::StrAppendFormat(&line, ", %.0f s left", left);
  }
  std::fprintf(stderr, "%s\x1b[K", line.c_str());
}

}  // namespace kappa::cli
