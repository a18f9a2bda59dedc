#include "server/tools/progress_line.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace kappa::server {
namespace {

constexpr int kBarWidth = 30;
constexpr absl::Duration kPeriod = absl::Milliseconds(100);

}  // namespace

ProgressLine::ProgressLine(std::string label)
    : label_(std::move(label)),
      shown_(isatty(STDERR_FILENO) == 1),
      begun_(absl::Now()) {}

ProgressLine::~ProgressLine() {
  if (drawn_ != absl::Time()) std::fputs("\r\x1b[K", stderr);
}

void ProgressLine::Update(uint64_t done_bytes, uint64_t total_bytes) {
  if (!shown_) return;
  const absl::Time now = absl::Now();
  if (now - drawn_ < kPeriod) return;
  drawn_ = now;
  std::fprintf(stderr, "\r%s\x1b[K",
               Format(label_, done_bytes, total_bytes, now - begun_).c_str());
}

std::string ProgressLine::Format(const std::string& label, uint64_t done_bytes,
                                 uint64_t total_bytes, absl::Duration elapsed) {
  const uint64_t total = std::max(done_bytes, total_bytes);
  const double part =
      total == 0 ? 1.0
                 : static_cast<double>(done_bytes) / static_cast<double>(total);
  const int filled = static_cast<int>(part * kBarWidth);
  std::string line = absl::StrFormat("%s [%s%s] %3.0f%%  %d of %d MiB", label,
                                     std::string(filled, '#'),
                                     std::string(kBarWidth - filled, '.'),
                                     part * 100, done_bytes >> 20, total >> 20);
  if (done_bytes > 0) {
    absl::StrAppendFormat(&line, ", %.0f s left",
                          absl::ToDoubleSeconds(elapsed) * (1 / part - 1));
  }
  return line;
}

}  // namespace kappa::server
