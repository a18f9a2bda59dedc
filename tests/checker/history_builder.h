// HistoryBuilder: puts the events of a history together.
#ifndef KAPPA_TESTS_CHECKER_HISTORY_BUILDER_H_
#define KAPPA_TESTS_CHECKER_HISTORY_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/checker/event.h"
#include "tests/checker/history.h"

namespace kappa::checker {

// Thread safety: thread-compatible.
class HistoryBuilder {
 public:
  // Takes the event of the next line.
  // Errors: INVALID_ARGUMENT when it does not follow from what was before, and
  // names what is wrong; the builder is of no use afterwards.
  absl::Status Add(const Event& event);
  // The history. Errors: INVALID_ARGUMENT when it can prove nothing: it has no
  // operation, or acknowledged appends to a partition without a final read; or
  // when a final read has no end.
  absl::StatusOr<History> Finish() &&;

 private:
  // Where an operation is: the vector its kind has, and the place there.
  struct Place {
    OperationKind kind;
    size_t index;
    bool answered = false;
  };

  absl::Status Invoke(const Event& event);
  absl::Status InvokeAppend(const Event& event, Append append);
  absl::Status InvokeRead(const Event& event, Read read);
  absl::Status Answer(const Event& event);
  absl::Status AnswerAppend(const Event& event, Append* append);
  absl::Status AnswerRead(const Event& event, Read* read);
  absl::Status AnswerEndQuery(const Event& event, EndQuery* query);
  absl::Status AnswerOpening(const Event& event, Opening* opening);
  absl::Status AddFinal(const Event& event);

  // Finds the batch that these values are, or makes it.
  absl::StatusOr<size_t> BatchOf(const Event& event, PartitionId partition);
  ValueId InternValue(const std::string& text);
  std::vector<TextId> InternAll(const std::vector<std::string>& texts);
  Delivery ToDelivery(const Event& event);
  Operation& OperationAt(const Place& place);

  size_t line_ = 0;
  History history_;
  absl::flat_hash_map<uint64_t, Place> places_;  // by operation number
  // By process and partition: its last read.
  absl::flat_hash_map<std::pair<uint64_t, PartitionId>, size_t> last_reads_;
  absl::flat_hash_map<std::pair<PartitionId, TextId>, size_t> finals_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_HISTORY_BUILDER_H_
