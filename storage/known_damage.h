// KnownDamage: entries that were once found damaged, kept in DIR/damage. What
// only a SHA-256 or the chain of digests gives away would be read as if it were
// whole by everyone else, after a restart too (RELIABILITY.md S7).
#ifndef KAPPA_STORAGE_KNOWN_DAMAGE_H_
#define KAPPA_STORAGE_KNOWN_DAMAGE_H_

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"
#include "storage/scrub_state.h"

namespace kappa::storage {

// More ranges than this of one replica grow together.
inline constexpr size_t kKnownRangesMax = 256;

// Invariant: the ranges of a replica are ascending and neither overlap nor
// touch.
// Thread safety: thread-safe.
class KnownDamage {
 public:
  // `path` empty: nothing is kept on disk. A file that is missing holds
  // nothing. Errors: DATA_LOSS: it is damaged, and nothing else says which
  // entries may not be served; UNAVAILABLE.
  static absl::StatusOr<std::unique_ptr<KnownDamage>> Load(std::string path);

  // Adds a range; durable on return. Errors: those of the file system: it
  // counts all the same, and Save tries again.
  absl::Status Add(const ScrubRange& range);
  // Forgets a range as All() named it: it is whole. Errors: as Add.
  absl::Status Remove(const ScrubRange& range);
  // Writes what could not be written. Errors: as Add.
  absl::Status Save();
  bool saved() const;

  // The first range that has entries of [from, last]. Costs nothing while
  // nothing is damaged.
  std::optional<ScrubRange> FirstIn(ReplicaNumber replica, LogIndex from,
                                    LogIndex last) const;
  std::vector<ScrubRange> All() const;

 private:
  explicit KnownDamage(std::string path) : path_(std::move(path)) {}
  void Insert(const ScrubRange& range) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status SaveLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<ScrubRange> AllLocked() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  std::atomic<bool> any_{false};
  mutable Mutex mutex_;
  std::map<ReplicaNumber, std::vector<ScrubRange>> ranges_
      ABSL_GUARDED_BY(mutex_);
  bool saved_ ABSL_GUARDED_BY(mutex_) = true;
};

// The ranges in the bytes of such a file. Errors: DATA_LOSS: damaged.
absl::StatusOr<std::vector<ScrubRange>> DecodeKnownDamage(
    std::string_view bytes);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_KNOWN_DAMAGE_H_
