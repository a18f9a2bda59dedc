// ProducerCheck: producers' sequences and epochs hold.
#ifndef KAPPA_TESTS_CHECKER_PRODUCER_CHECK_H_
#define KAPPA_TESTS_CHECKER_PRODUCER_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tests/checker/findings.h"
#include "tests/checker/history.h"
#include "tests/checker/version_order.h"

namespace kappa::checker {

// Finds: sequence-twice, fenced-epoch, epoch-reused, order (of sequences).
class ProducerCheck {
 public:
  ProducerCheck(const History& history, const VersionOrder& order,
                Findings* findings)
      : history_(history), order_(order), findings_(*findings) {}

  void Run();

 private:
  // A stored batch of a producer. Which of its attempts stored it is not known.
  struct Stored {
    size_t batch = 0;
    uint64_t epoch_min = 0;
    uint64_t epoch_max = 0;
  };
  // From a time on, epochs below this one are refused.
  struct Fence {
    int64_t time_us = 0;
    uint64_t epoch = 0;
    size_t line = 0;
  };
  using Key = std::pair<ProducerId, PartitionId>;

  // The epochs that one producer was given.
  class Given {
   public:
    // Takes the openings in the order of their returns. Returns one that shows
    // that this one's epoch is no new one, or nullptr.
    const Opening* Add(const Opening* opening);

   private:
    struct Highest {
      int64_t return_us = 0;
      const Opening* opening = nullptr;  // the highest of all up to this return
    };
    std::vector<Highest> by_return_;
    absl::flat_hash_map<uint64_t, const Opening*> by_epoch_;
  };

  void CheckOpenings();
  void AddReused(const Opening& first, const Opening& second);
  void CheckMoved();
  void CollectStored();
  void CheckSequences(std::vector<Stored> stored);
  void CheckOrder(std::vector<Stored> stored);
  // Which attempts were accepted although a fence stood when they began.
  void CheckFences(const Key& key, const std::vector<Stored>& stored);
  const Fence* FenceBefore(const Key& key, const Append& append) const;
  void AddFenced(const Append& append, uint64_t epoch, size_t line);
  const Append& FirstAttempt(size_t batch) const;

  const History& history_;
  const VersionOrder& order_;
  Findings& findings_;
  // By time, and made so that epochs grow.
  absl::flat_hash_map<Key, std::vector<Fence>> fences_;
  std::map<Key, std::vector<Stored>> stored_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_PRODUCER_CHECK_H_
