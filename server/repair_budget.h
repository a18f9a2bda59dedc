// RepairBudget: what all groups of a node may hold of entries that wait to be
// proven before they take the place of damaged ones.
#ifndef KAPPA_SERVER_REPAIR_BUDGET_H_
#define KAPPA_SERVER_REPAIR_BUDGET_H_

#include <atomic>
#include <cstddef>

namespace kappa::server {

// Thread safety: thread-safe.
class RepairBudget {
 public:
  static constexpr size_t kBytesMax = size_t{32} << 20;

  explicit RepairBudget(size_t bytes_max = kBytesMax) : bytes_max_(bytes_max) {}

  // Takes bytes; false: there is no room for them. Whatever it is, one finds
  // room where nothing else waits.
  bool TryTake(size_t bytes) {
    size_t taken = bytes_.load();
    do {
      if (taken > 0 && taken + bytes > bytes_max_) {
        scarce_.store(true);
        return false;
      }
    } while (!bytes_.compare_exchange_weak(taken, taken + bytes));
    return true;
  }
  void Give(size_t bytes) { bytes_.fetch_sub(bytes); }
  size_t bytes() const { return bytes_.load(); }
  // Whether somebody found no room since this was asked last.
  bool TakeScarce() { return scarce_.exchange(false); }

 private:
  const size_t bytes_max_;
  std::atomic<size_t> bytes_{0};
  std::atomic<bool> scarce_{false};
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_REPAIR_BUDGET_H_
