// PlantedHistory: a legal history into which one anomaly is put.
#ifndef KAPPA_TESTS_CHECKER_PLANTED_HISTORY_H_
#define KAPPA_TESTS_CHECKER_PLANTED_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/checker/event.h"
#include "tests/checker/random_source.h"

namespace kappa::checker {

// The events and what planters need to find their way in them.
//
// Thread safety: thread-compatible.
class PlantedHistory {
 public:
  // An append that was acknowledged by its only attempt.
  struct Acked {
    size_t invoke = 0;  // in events()
    size_t answer = 0;
    uint64_t offset = 0;
  };
  using BatchFilter = std::function<bool(const Acked&)>;

  PlantedHistory(std::vector<Event> events, uint64_t seed);

  std::vector<Event>& events() { return events_; }
  RandomSource& random() { return random_; }
  Event& at(size_t i) { return events_[i]; }

  // The acknowledged appends with a told offset, of one attempt each.
  std::vector<Acked> AckedAppends(const BatchFilter& filter = nullptr);
  // Places of events that fit.
  std::vector<size_t> Find(const std::function<bool(const Event&)>& fits);
  // One of several, or nothing when there is none.
  template <typename T>
  std::optional<T> Pick(const std::vector<T>& items) {
    if (items.empty()) return std::nullopt;
    return items[random_.Below(items.size())];
  }

  // The invocation of an answer.
  Event& InvokeOf(const Event& answer) { return events_[invokes_[answer.op]]; }
  // The answer's place, if there is one.
  std::optional<size_t> AnswerOf(uint64_t op) const;
  // Of an invocation, an answer or a final read.
  const std::string& PartitionOf(const Event& event);

  // Places of answers of ordinary reads that deliver at least so many batches.
  std::vector<size_t> Deliveries(size_t batches_min);
  // Everything that delivers records of a partition.
  void ForEachDelivery(const std::string& partition,
                       const std::function<void(Event*)>& change);
  // Removes from everything what is at or behind an offset.
  void Cut(const std::string& partition, uint64_t offset);
  // Where the final reads of a partition end.
  uint64_t FinalEnd(const std::string& partition);
  // Adds records to the end of all final reads. Returns their offset.
  uint64_t AddToFinals(const std::string& partition,
                       const std::vector<std::string>& values);
  // Adds an operation that runs for a while from `time_us` on. `answer` null:
  // it has none.
  void AddOperation(Event invoke, const Event* answer, int64_t time_us);
  // A value that the history does not have.
  std::string NewValue();
  int64_t last_us() const { return last_us_; }

 private:
  void Index();

  std::vector<Event> events_;
  RandomSource random_;
  std::map<uint64_t, size_t> invokes_;  // by op
  std::map<uint64_t, size_t> answers_;
  std::map<std::string, size_t> attempts_;  // by first value
  uint64_t new_values_ = 0;
  int64_t last_us_ = 0;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_PLANTED_HISTORY_H_
