// KnownDamage: entries that were once found damaged, kept in DIR/damage. What
// only a SHA-256 or the chain of digests gives away would be read as if it were
// whole by everyone else, after a restart too (RELIABILITY.md S7).
#ifndef KAPPA_STORAGE_KNOWN_DAMAGE_H_
#define KAPPA_STORAGE_KNOWN_DAMAGE_H_

#include <atomic>
#include <cstdint>
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
#include "storage/replaced_file.h"
#include "storage/scrub_state.h"

namespace kappa::storage {

// More ranges than this of one replica grow together.
inline constexpr size_t kKnownRangesMax = 256;

// Invariant: the ranges of a replica are ascending and neither overlap nor
// touch.
// Thread safety: thread-safe. Nobody who asks waits for the disk.
class KnownDamage {
 public:
  // `path` empty: nothing is kept on disk. A file that is missing holds
  // nothing. `on_fatal`: see ReplacedFile. Errors: DATA_LOSS: it is damaged,
  // and nothing else says which entries may not be served; UNAVAILABLE.
  static absl::StatusOr<std::unique_ptr<KnownDamage>> Load(
      std::string path, ReplacedFile::OnFatal on_fatal = nullptr);

  // Adds a range: it counts at once, and is durable after Save.
  void Add(const ScrubRange& range);
  // Forgets [first, last] of a replica, whatever ranges they are part of: they
  // are whole, or were repaired. Durable after Save.
  void Remove(ReplicaNumber replica, LogIndex first, LogIndex last);
  // Makes what was added and removed before durable; nothing to do: no disk is
  // touched. Errors: as ReplacedFile::Replace: what was added counts all the
  // same, and is written by the next Save that succeeds.
  absl::Status Save() ABSL_LOCKS_EXCLUDED(saving_, mutex_);
  bool saved() const;

  // The first range that has entries of [from, last]. Costs nothing while
  // nothing is damaged.
  std::optional<ScrubRange> FirstIn(ReplicaNumber replica, LogIndex from,
                                    LogIndex last) const;
  // All of one replica, ascending. Costs nothing while nothing is damaged.
  std::vector<ScrubRange> In(ReplicaNumber replica) const;
  std::vector<ScrubRange> All() const;

 private:
  KnownDamage(std::string path, ReplacedFile::OnFatal on_fatal)
      : on_disk_(!path.empty()), file_(std::move(path), std::move(on_fatal)) {}
  void Insert(const ScrubRange& range) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<ScrubRange> AllLocked() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const bool on_disk_;
  std::atomic<bool> any_{false};
  // Held over the disk; taken before mutex_.
  Mutex saving_;
  ReplacedFile file_ ABSL_GUARDED_BY(saving_);
  mutable Mutex mutex_;
  std::map<ReplicaNumber, std::vector<ScrubRange>> ranges_
      ABSL_GUARDED_BY(mutex_);
  // How often ranges_ was changed, and how much of that is on disk.
  uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t changes_saved_ ABSL_GUARDED_BY(mutex_) = 0;
};

// The ranges in the bytes of such a file. Errors: DATA_LOSS: damaged.
absl::StatusOr<std::vector<ScrubRange>> DecodeKnownDamage(
    std::string_view bytes);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_KNOWN_DAMAGE_H_
