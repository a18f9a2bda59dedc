#include "tests/chaos/recorder.h"

#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "proto/wire/check.h"

namespace kappa::chaos {

absl::StatusOr<std::unique_ptr<Recorder>> Recorder::Create(
    const std::string& path, uint64_t first_op) {
  auto clock = std::make_unique<SystemClock>();
  absl::StatusOr<std::unique_ptr<checker::HistoryWriter>> history =
      checker::HistoryWriter::Create(path, *clock, first_op);
  if (!history.ok()) return history.status();
  return std::make_unique<Recorder>(std::move(clock), *std::move(history));
}

void Recorder::End(const checker::Event& answer, uint32_t partition,
                   Outcome outcome, uint16_t records) {
  history_->Add(answer);
  Tell(partition, outcome, records);
}

void Recorder::Tell(uint32_t partition, Outcome outcome, uint16_t records) {
  const OutcomeRow row = {clock_->MonotonicUs(), partition,
                          static_cast<uint16_t>(outcome), records};
  // Shorter than PIPE_BUF: rows of several threads do not mix. A runner that
  // is gone ends this process by SIGPIPE.
  KAPPA_CHECK(write(STDOUT_FILENO, &row, sizeof(row)) == sizeof(row),
              "a row is written whole");
}

}  // namespace kappa::chaos
