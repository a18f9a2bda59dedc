// ProgressLine: how far a long piece of work is, on standard error if that is a
// terminal.
#ifndef KAPPA_SERVER_TOOLS_PROGRESS_LINE_H_
#define KAPPA_SERVER_TOOLS_PROGRESS_LINE_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace kappa::server {

// Thread safety: thread-compatible.
class ProgressLine {
 public:
  explicit ProgressLine(std::string label);
  // Wipes the line off.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Draws at most ten times a second.
  void Update(uint64_t done_bytes, uint64_t total_bytes);

  // "check [######....]  60%  1200 of 2000 MiB, 12 s left".
  static std::string Format(const std::string& label, uint64_t done_bytes,
                            uint64_t total_bytes, absl::Duration elapsed);

 private:
  const std::string label_;
  const bool shown_;
  const absl::Time begun_;
  absl::Time drawn_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOOLS_PROGRESS_LINE_H_
