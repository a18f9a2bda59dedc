// SimulatedDisk: storage of one replica that loses what was not synced.
#ifndef KAPPA_TESTS_RAFT_SIMULATED_DISK_H_
#define KAPPA_TESTS_RAFT_SIMULATED_DISK_H_

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "proto/wire/types.h"
#include "raft/base.h"
#include "raft/configuration.h"
#include "raft/core_options.h"
#include "raft/entry.h"
#include "raft/output.h"

namespace kappa::raft {

// A log with its hard state, as it stands after a number of writes.
struct LogImage {
  HardState hard_state;
  LogBase base;
  std::map<LogIndex, EntryMeta> entries;
  std::set<LogIndex> damaged;  // entries that cannot be read any more
  std::optional<PartialBase> partial_base;

  EntryId last() const {
    return entries.empty() ? base.id : entries.rbegin()->second.id;
  }
  // The entry, or nullptr.
  const EntryMeta* Find(LogIndex index) const {
    auto found = entries.find(index);
    return found == entries.end() ? nullptr : &found->second;
  }
  // The newest one at or below `index`.
  const Configuration& ConfigurationAt(LogIndex index) const;
  const Configuration& NewestConfiguration() const {
    return ConfigurationAt(last().index);
  }
  // A digest of everything up to `index`, as the entries' headers prove it:
  // damage does not change it.
  // Requires: base.id.index <= index <= last().index.
  Digest ChainAt(LogIndex index) const;
  // What stands for the log up to `index`, without state.
  // Requires: as ChainAt.
  LogBase BaseAt(LogIndex index) const;

  // Aborts when a write does not fit the log: entries must be contiguous.
  void Apply(const Persist& persist);

 private:
  void ApplyChunk(const BaseChunk& chunk);
  void DropUpTo(const LogBase& new_base);
};

// Writes become durable in their order; a crash loses the rest.
class SimulatedDisk {
 public:
  explicit SimulatedDisk(const Configuration& configuration);

  // Queues a write.
  void Write(Persist persist);
  // The writes that are not durable, oldest first.
  const std::deque<Persist>& queue() const { return unsynced_; }
  size_t unsynced() const { return unsynced_.size(); }
  // Makes the oldest queued write durable and returns it.
  // Requires: unsynced() > 0.
  Persist SyncNext();
  // Forgets everything that is not durable.
  void Crash();
  // The queued writes never become durable; written() still shows what the
  // process believes.
  void LoseUnsynced() { unsynced_.clear(); }
  // Mutant: the vote is lost with the crash.
  void ForgetVote() { durable_.hard_state.vote.reset(); }
  // Another durable content; nothing is queued.
  void Load(const LogImage& image);
  // An entry of both images becomes unreadable, until it is repaired.
  void Damage(LogIndex index);

  const LogImage& written() const { return written_; }
  const LogImage& durable() const { return durable_; }
  // What a restart finds.
  RestoredState Restore() const;

 private:
  LogImage written_;
  LogImage durable_;
  std::deque<Persist> unsynced_;
};

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SIMULATED_DISK_H_
