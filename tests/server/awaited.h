// Awaited: the answer of an asynchronous call, waited for with a deadline.
#ifndef KAPPA_TESTS_SERVER_AWAITED_H_
#define KAPPA_TESTS_SERVER_AWAITED_H_

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "proto/wire/check.h"
#include "proto/wire/mutex.h"
#include "server/latch.h"
#include "server/node.h"

namespace kappa::server {

// Pass callback() once, then Get() the answer.
template <typename T>
class Awaited {
 public:
  Node::Callback<T> callback() {
    return [state = state_](absl::StatusOr<T> answer) {
      {
        MutexLock lock(&state->mutex);
        KAPPA_CHECK(!state->answer.has_value(), "answered twice");
        state->answer = std::move(answer);
      }
      state->latch.CountDown();
    };
  }
  bool has_answer() const {
    MutexLock lock(&state_->mutex);
    return state_->answer.has_value();
  }
  absl::StatusOr<T> Get() {
    KAPPA_CHECK(state_->latch.WaitFor(20'000'000), "no answer within 20 s");
    MutexLock lock(&state_->mutex);
    return *std::move(state_->answer);
  }

 private:
  struct State {
    mutable Mutex mutex;
    std::optional<absl::StatusOr<T>> answer ABSL_GUARDED_BY(mutex);
    Latch latch{1};
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_AWAITED_H_
