// NaiveProducers: decides about batches by looking at the whole log each time.
#ifndef KAPPA_TESTS_STORAGE_NAIVE_PRODUCERS_H_
#define KAPPA_TESTS_STORAGE_NAIVE_PRODUCERS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "proto/wire/types.h"
#include "storage/producer_record.h"
#include "storage/producer_table.h"

namespace kappa::storage {

// Thread safety: thread-compatible.
class NaiveProducers {
 public:
  explicit NaiveProducers(size_t sessions_max) : sessions_max_(sessions_max) {}

  void Append(ProducerEntry entry) { log_.push_back(std::move(entry)); }
  void Truncate(LogIndex from);
  void Commit(LogIndex index);
  // After a restart less may be known to be committed.
  void set_committed(LogIndex index) { committed_ = index; }
  LogIndex committed() const { return committed_; }
  LogIndex highest_committed() const { return highest_committed_; }

  // Of the producer's last batch in the log, 0 for none.
  uint64_t LastSequence(const ProducerStamp& stamp) const;
  // No batch of the producer ends at or below this offset.
  std::optional<Offset> FirstOffset(const ProducerStamp& stamp) const;
  ProducerVerdict Check(const ProducerStamp& stamp, uint64_t previous_sequence,
                        Offset session_start) const;

 private:
  // The batches of one producer that the rules still know.
  struct Known {
    std::vector<ProducerEntry> batches;
    uint64_t unknown_below = 0;  // before the first of them
    LogIndex last_use;
  };
  struct Fold {
    std::map<ProducerKey, Known> known;
    Offset evicted_offset;
  };

  Fold FoldCommitted() const;

  size_t sessions_max_;
  std::vector<ProducerEntry> log_;
  LogIndex committed_;
  LogIndex highest_committed_;
};

}  // namespace kappa::storage

#endif  // KAPPA_TESTS_STORAGE_NAIVE_PRODUCERS_H_
