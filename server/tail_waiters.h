// TailWaiters: readers that wait for the committed end to pass an offset.
#ifndef KAPPA_SERVER_TAIL_WAITERS_H_
#define KAPPA_SERVER_TAIL_WAITERS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "proto/wire/types.h"
#include "server/node.h"

namespace kappa::server {

// Thread safety: thread-compatible.
class TailWaiters {
 public:
  // Requires: the committed end is not above `offset`.
  void Add(uint64_t token, Offset offset, Node::Callback<Offset> done);
  // Calls everyone who waits for something below `end`.
  void Wake(Offset end);
  // Answers the waiter with CANCELLED; unknown tokens (answered before) change
  // nothing.
  void Cancel(uint64_t token);
  void FailAll(const absl::Status& status);

  size_t size() const { return waiting_.size(); }

 private:
  struct Waiter {
    uint64_t token = 0;
    Offset offset;
    Node::Callback<Offset> done;
  };
  std::vector<Waiter> waiting_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TAIL_WAITERS_H_
