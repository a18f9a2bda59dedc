// VersionOrder: which value is at which offset, by everything that was seen.
#ifndef KAPPA_TESTS_CHECKER_VERSION_ORDER_H_
#define KAPPA_TESTS_CHECKER_VERSION_ORDER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "tests/checker/history.h"

namespace kappa::checker {

// Somebody says that a value is at an offset.
struct Sighting {
  enum class Source : uint8_t { kAck, kRead, kFinal };
  Source source = Source::kAck;
  PartitionId partition{};
  uint64_t offset = 0;
  ValueId value{};
  size_t line = 0;
  int64_t time_us = 0;
};

// What is known of one value in the partition that it was sent to. Lines are 0
// where there is none.
struct ValueFacts {
  uint64_t offset = kNowhere;  // by the first sighting
  size_t line = 0;             // of that
  size_t read_line = 0;        // the earliest read that delivered it
  int64_t read_us = kNever;    // when that was
  size_t final_line = 0;       // a final read that delivered it
};

// What is known of one batch.
struct BatchFacts {
  size_t ack = kNowhere;  // in History::appends: the first successful attempt
  bool failed = false;    // every attempt did
  uint64_t base = kNowhere;  // offset of the first value
  size_t line = 0;           // that shows the base
  // The earliest moment at which it can have been stored, and the earliest at
  // which it was acknowledged.
  int64_t invoke_us = kNever;
  int64_t return_us = kNever;

  bool acknowledged() const { return ack != kNowhere; }
  // Known to be in the log.
  bool stored() const { return acknowledged() || base != kNowhere; }
};

// The value that was first seen at an offset.
struct Slot {
  uint64_t offset = 0;
  ValueId value{};
  size_t line = 0;
};

// What is known of one partition. Ends are the offset after the last.
struct PartitionFacts {
  std::vector<Slot> slots;  // by offset
  bool has_final = false;
  uint64_t final_end = 0;  // of the longest final read, by what it delivered
  uint64_t read_end = 0;   // of everything that any read delivered
};

// Sightings are taken in this order: acknowledgements, final reads, reads. The
// first one of an offset or a value counts; later ones that differ are kept as
// conflicts, each once.
//
// Thread safety: const after construction.
class VersionOrder {
 public:
  // `history` must outlive this.
  explicit VersionOrder(const History& history);

  const ValueFacts& Facts(ValueId value) const {
    return values_[static_cast<size_t>(value)];
  }
  const BatchFacts& Facts(size_t batch) const { return batches_[batch]; }
  const PartitionFacts& Facts(PartitionId partition) const {
    return partitions_[static_cast<size_t>(partition)];
  }
  // What was first seen at an offset, or nullptr.
  const Slot* Find(PartitionId partition, uint64_t offset) const;

  // Other values at an offset than its slot holds.
  const std::vector<Sighting>& replaced() const { return replaced_; }
  // Values at other offsets than their facts say.
  const std::vector<Sighting>& moved() const { return moved_; }
  // Values that nobody sent to that partition, each once.
  const std::vector<Sighting>& unsent() const { return unsent_; }

 private:
  using SlotMap = absl::flat_hash_map<uint64_t, Slot>;

  void AddAcks(std::vector<SlotMap>* slots);
  void AddDelivery(const Delivery& delivery, Sighting sighting, SlotMap* slots);
  void Add(const Sighting& sighting, SlotMap* slots);
  void AddToValue(const Sighting& sighting);
  void SumUp(const Batch& batch, BatchFacts* facts) const;

  const History& history_;
  std::vector<ValueFacts> values_;
  std::vector<BatchFacts> batches_;
  std::vector<PartitionFacts> partitions_;
  std::vector<Sighting> replaced_;
  std::vector<Sighting> moved_;
  std::vector<Sighting> unsent_;
  // (partition, value, offset) of what is in these, so that each is in once.
  absl::flat_hash_set<std::tuple<PartitionId, ValueId, uint64_t>> conflicts_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_VERSION_ORDER_H_
