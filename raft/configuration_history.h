// ConfigurationHistory: the configuration entries of one log.
#ifndef KAPPA_RAFT_CONFIGURATION_HISTORY_H_
#define KAPPA_RAFT_CONFIGURATION_HISTORY_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/core_options.h"

namespace kappa::raft {

// The configurations above the log's base, so that a truncation brings back the
// one before it. A configuration is effective from the moment its entry is
// appended (Raft dissertation §4.1; RAFT.md 7).
//
// Invariant: ascending by index, none empty.
// Thread safety: thread-compatible.
class ConfigurationHistory {
 public:
  ConfigurationHistory() = default;
  // Requires: ascending, all above the base.
  explicit ConfigurationHistory(std::vector<ConfigurationAt> restored);

  // The newest one, or nullptr: then the base's counts.
  const Configuration* newest() const;
  // The newest one at or below `index`, or nullptr: then the base's counts, or
  // one that is forgotten already.
  const Configuration* NewestUpTo(LogIndex index) const;
  // False if every configuration above the base is known.
  bool MayHaveForgotten() const { return entries_.size() >= kKept; }
  // Where the newest one is, or 0.
  LogIndex newest_index() const;

  // Requires: index > newest_index().
  void Append(LogIndex index,
              std::shared_ptr<const Configuration> configuration);
  // Drops those at `from` and above. Returns whether there were any.
  bool TruncateFrom(LogIndex from);
  // The log begins after `base` now: drops those at it and below.
  void TrimTo(LogIndex base);
  void Clear() { entries_.clear(); }
  // Nothing up to `committed` is ever truncated: all but the newest two up to
  // there are forgotten.
  void ForgetBelow(LogIndex committed);

  // Aborts when the class invariant does not hold.
  void CheckInvariants(LogIndex base, LogIndex last) const;

 private:
  struct At {
    LogIndex index;
    std::shared_ptr<const Configuration> configuration;
  };

  // So many of the newest are kept, here and by storage.
  static constexpr size_t kKept = 2;

  std::vector<At> entries_;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_CONFIGURATION_HISTORY_H_
