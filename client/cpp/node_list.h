// NodeList: the nodes of the cluster as a client knows them, and which of them
// to ask when nobody is known to lead.
#ifndef KAPPA_CLIENT_CPP_NODE_LIST_H_
#define KAPPA_CLIENT_CPP_NODE_LIST_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "proto/wire/mutex.h"

namespace kappa::client {

// The seeds in turn; nodes that were only heard of, when no seed is left that
// has not failed lately.
//
// Thread safety: thread-safe.
class NodeList {
 public:
  // A node is left alone so long after a failure: shorter than an election.
  static constexpr absl::Duration kFailedFor = absl::Milliseconds(200);
  // Most nodes kept that are no seeds.
  static constexpr size_t kLearntMax = 64;

  // `seeds` are HOST:PORT, at least one.
  explicit NodeList(std::vector<std::string> seeds);

  const std::vector<std::string>& seeds() const { return seeds_; }

  // The node to ask.
  std::string Current() const;
  // Makes the `index`-th seed current.
  void Choose(size_t index);

  // `address` belongs to a node of the cluster.
  void Learn(const std::string& address);
  // `address` does not help any further: if it is current, another one is now.
  // Of several calls for one failure only the first changes anything.
  void MoveOn(const std::string& address, absl::Time now);
  // The same, and it failed.
  void NoteFailure(const std::string& address, absl::Time now);
  // Whether it failed less than kFailedFor ago.
  bool FailedLately(const std::string& address, absl::Time now) const;

 private:
  bool IsFresh(const std::string& address, absl::Time now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LeaveCurrent(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const std::string& At(size_t index) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return index < seeds_.size() ? seeds_[index]
                                 : learnt_[index - seeds_.size()];
  }

  const std::vector<std::string> seeds_;
  mutable Mutex mutex_;
  std::vector<std::string> learnt_ ABSL_GUARDED_BY(mutex_);
  // Of seeds_ and then learnt_.
  size_t current_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, absl::Time> failed_at_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_NODE_LIST_H_
