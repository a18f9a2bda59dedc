// ModelLog: one partition as it must be.
#ifndef KAPPA_TESTS_CHECKER_MODEL_LOG_H_
#define KAPPA_TESTS_CHECKER_MODEL_LOG_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/checker/event.h"

namespace kappa::checker {

// Applies appends one after the other and delivers what was appended.
//
// Thread safety: thread-compatible.
class ModelLog {
 public:
  explicit ModelLog(std::string name) : name_(std::move(name)) {}

  // Appends as the invocation says, or refuses it by its producer's epoch, its
  // sequence or the expected offset. Returns the answer, without op and time.
  Event Append(const Event& invoke, int64_t now_us);
  // Refuses epochs below this one from now on.
  void Fence(const std::string& producer, uint64_t epoch);
  // Records in [from, to), in pieces as they are stored; the first and the last
  // may be cut. `with_chains`: the pieces that end with their batch have it.
  std::vector<EventBatch> Deliver(uint64_t from, uint64_t to,
                                  bool with_chains) const;

  const std::string& name() const { return name_; }
  uint64_t end() const { return end_; }
  // Digest up to a batch's end, "" for the empty log.
  std::string ChainAt(uint64_t end) const;
  // The end of the last batch that ends at or before this offset.
  uint64_t BatchEndBefore(uint64_t offset) const;

 private:
  struct Producer {
    uint64_t epoch = 0;
    std::map<uint64_t, size_t> stored;  // batch by sequence
  };

  Event Refuse(const char* reason) const;
  Event Acknowledge(size_t batch) const;

  std::string name_;
  std::vector<EventBatch> batches_;
  uint64_t end_ = 0;
  std::map<std::string, Producer> producers_;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_MODEL_LOG_H_
