// HistoryWriter: where clients of a test write what they did and saw.
#ifndef KAPPA_TESTS_CHECKER_HISTORY_WRITER_H_
#define KAPPA_TESTS_CHECKER_HISTORY_WRITER_H_

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/clock.h"
#include "proto/wire/mutex.h"
#include "tests/checker/event.h"

namespace kappa::checker {

// Appends events to a file, stamped with the clock's monotonic time. Call
// Invoke before a request leaves, Add once its answer is there: then the
// stamped interval contains the real one, which is what the checker needs.
// Lines are buffered: the history of a process that was killed
// lacks its end and must not be used.
//
//   Event append;
//   append.kind = OperationKind::kAppend;
//   append.process = 3;
//   append.partition = "orders/0";
//   append.values = {"3-17"};
//   Event answer;
//   answer.op = writer->Invoke(append);
//   ... answer.type = EventType::kOk; answer.offset = 41;
//   writer->Add(answer);
//
// Thread safety: thread-safe.
class HistoryWriter {
 public:
  // Makes the file, which must not exist. `clock` must outlive the writer.
  // Several processes that write parts of one history each have their own file
  // and a range of operation numbers that begins with `first_op`.
  // Errors: ALREADY_EXISTS; UNAVAILABLE when it cannot be made.
  static absl::StatusOr<std::unique_ptr<HistoryWriter>> Create(
      const std::string& path, const Clock& clock, uint64_t first_op = 0);

  HistoryWriter(std::ofstream file, const Clock& clock, uint64_t first_op)
      : clock_(clock), file_(std::move(file)), next_op_(first_op) {}

  // Writes that an operation begins now. Returns its number; `type`, `op` and
  // `time_us` of the event are set here.
  uint64_t Invoke(Event event) ABSL_LOCKS_EXCLUDED(mutex_);
  // Writes any other event; `time_us` is set here.
  void Add(Event event) ABSL_LOCKS_EXCLUDED(mutex_);
  // Writes what is buffered and closes the file; nothing is added after it.
  // Errors: DATA_LOSS when some write failed: the history must not be used.
  absl::Status Close() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Write(const Event& event) ABSL_LOCKS_EXCLUDED(mutex_);

  const Clock& clock_;
  Mutex mutex_;
  std::ofstream file_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_op_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_HISTORY_WRITER_H_
