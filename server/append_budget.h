// AppendBudget: how many payload bytes may be accepted and not yet answered.
#ifndef KAPPA_SERVER_APPEND_BUDGET_H_
#define KAPPA_SERVER_APPEND_BUDGET_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace kappa::server {

// Thread safety: thread-safe.
class AppendBudget {
 public:
  // A part of the budget, given back on destruction. Movable.
  class Permit {
   public:
    Permit() = default;
    Permit(Permit&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)),
          bytes_(other.bytes_) {}
    Permit& operator=(Permit&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Permit() {
      if (budget_ != nullptr) budget_->Release(bytes_);
    }
    explicit operator bool() const { return budget_ != nullptr; }

   private:
    friend class AppendBudget;
    Permit(AppendBudget* budget, size_t bytes)
        : budget_(budget), bytes_(bytes) {}
    AppendBudget* budget_ = nullptr;
    size_t bytes_ = 0;
  };

  explicit AppendBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  // An empty permit when the budget is used up. One append always fits an
  // unused budget, however large it is.
  Permit TryAcquire(size_t bytes) {
    const size_t before = used_.fetch_add(bytes, std::memory_order_relaxed);
    if (before > 0 && before + bytes > bytes_max_) {
      Release(bytes);
      return Permit();
    }
    return Permit(this, bytes);
  }

  size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  void Release(size_t bytes) {
    used_.fetch_sub(bytes, std::memory_order_relaxed);
  }

  const size_t bytes_max_;
  std::atomic<size_t> used_{0};
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_APPEND_BUDGET_H_
