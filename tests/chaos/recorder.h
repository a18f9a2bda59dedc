// Recorder: what a client did and saw, as a history and as rows for the runner.
#ifndef KAPPA_TESTS_CHAOS_RECORDER_H_
#define KAPPA_TESTS_CHAOS_RECORDER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/clock.h"
#include "tests/checker/event.h"
#include "tests/checker/history_writer.h"

namespace kappa::chaos {

// What happened to one operation; tests/chaos/feed.py has the same numbers.
enum class Outcome : uint16_t {
  kAcknowledged = 1,  // an append
  kAppendFailed = 2,  // definitely
  kAppendUnknown = 3,
  kResolved = 4,  // an append that was unknown, by sending it again
  kRead = 5,      // records were delivered
  kReadFailed = 6,
  kEndTold = 7,
  kEndFailed = 8,
  kConditionMet = 9,       // a conditional append was stored
  kConditionRefused = 10,  // the log's end was another one
  kUnexpected = 11,        // an answer that no fault explains; fails the run
};

// One row on standard output, 16 bytes, little endian.
struct OutcomeRow {
  int64_t time_us;  // monotonic
  uint32_t partition;
  uint16_t outcome;
  uint16_t records;
};
static_assert(sizeof(OutcomeRow) == 16);

// Writes the history to a file and a row per answer to standard output, which
// the runner reads while the client runs.
//
// Thread safety: thread-safe.
class Recorder {
 public:
  // Makes the history `path`; see HistoryWriter::Create.
  static absl::StatusOr<std::unique_ptr<Recorder>> Create(
      const std::string& path, uint64_t first_op);

  // An operation begins; returns its number.
  uint64_t Begin(const checker::Event& invoke) {
    return history_->Invoke(invoke);
  }
  // A piece of its answer, or of a final read.
  void Add(const checker::Event& event) { history_->Add(event); }
  // Its end: writes `answer` and the row.
  void End(const checker::Event& answer, uint32_t partition, Outcome outcome,
           uint16_t records);
  // A row beside the history.
  void Tell(uint32_t partition, Outcome outcome, uint16_t records);
  // After the last operation. Errors: DATA_LOSS: the history is incomplete.
  absl::Status Close() { return history_->Close(); }

  // Set up by Create.
  Recorder(std::unique_ptr<SystemClock> clock,
           std::unique_ptr<checker::HistoryWriter> history)
      : clock_(std::move(clock)), history_(std::move(history)) {}

 private:
  const std::unique_ptr<SystemClock> clock_;
  const std::unique_ptr<checker::HistoryWriter> history_;
};

}  // namespace kappa::chaos

#endif  // KAPPA_TESTS_CHAOS_RECORDER_H_
