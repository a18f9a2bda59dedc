// ProgressBar: how far a long command is, on standard error if it is a
// terminal.
#ifndef KAPPA_CLIENT_CLI_PROGRESS_BAR_H_
#define KAPPA_CLIENT_CLI_PROGRESS_BAR_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace kappa::cli {

// Prints nothing when standard error is no terminal.
//
// Thread safety: thread-compatible.
class ProgressBar {
 public:
  // `total` in whatever unit Update's `done` has; 0: unknown, no ETA.
  ProgressBar(std::string label, uint64_t total);
  // Wipes the bar off.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Cheap; draws at most ten times a second.
  void Update(uint64_t done, uint64_t records) {
    if (shown_ && ++calls_ % 256 == 0) Draw(done, records);
  }

 private:
  void Draw(uint64_t done, uint64_t records);

  const std::string label_;
  const uint64_t total_;
  const bool shown_;
  const absl::Time begin_;
  absl::Time drawn_;
  uint64_t calls_ = 0;
};

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_PROGRESS_BAR_H_
