// UnnamedSessions: which unnamed sessions a partition remembers, and from where
// on a session it does not know must be new.
#ifndef KAPPA_STORAGE_UNNAMED_SESSIONS_H_
#define KAPPA_STORAGE_UNNAMED_SESSIONS_H_

#include <cstddef>
#include <map>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "proto/wire/types.h"

namespace kappa::storage {

// At most `sessions_max`; the one whose last batch is oldest is evicted.
// Depends on the committed log only.
//
// Thread safety: thread-compatible.
class UnnamedSessions {
 public:
  // `evicted_offset` as of a checkpoint.
  UnnamedSessions(size_t sessions_max, Offset evicted_offset)
      : sessions_max_(sessions_max), evicted_offset_(evicted_offset) {}

  bool Knows(const Uuid& id) const { return sessions_.contains(id); }
  size_t size() const { return sessions_.size(); }
  // Highest offset after any batch of an evicted session; 0: none was evicted.
  // A session that began at or above it and is not known is a new one.
  Offset evicted_offset() const { return evicted_offset_; }

  // A batch of the session was committed, or (when loading) this was its last
  // one. Returns the session that was evicted for it.
  std::optional<Uuid> Touch(const Uuid& id, LogIndex index, Offset next_offset);

 private:
  struct Session {
    LogIndex last_index;
    Offset next_offset;  // after its last batch
  };

  size_t sessions_max_;
  Offset evicted_offset_;
  absl::flat_hash_map<Uuid, Session> sessions_;
  std::map<LogIndex, Uuid> by_last_use_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_UNNAMED_SESSIONS_H_
