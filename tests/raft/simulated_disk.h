// SimulatedDisk: storage of one replica that loses what was not synced.
#ifndef KAPPA_TESTS_RAFT_SIMULATED_DISK_H_
#define KAPPA_TESTS_RAFT_SIMULATED_DISK_H_

#include <cstddef>
#include <deque>
#include <map>

#include "proto/wire/types.h"
#include "raft/core_options.h"
#include "raft/entry.h"
#include "raft/output.h"

namespace kappa::raft {

// A log with its hard state, as it stands after a number of writes.
struct LogImage {
  HardState hard_state;
  LogBase base;
  std::map<LogIndex, EntryMeta> entries;

  EntryId last() const {
    return entries.empty() ? base.id : entries.rbegin()->second.id;
  }
  // The entry, or nullptr.
  const EntryMeta* Find(LogIndex index) const {
    auto found = entries.find(index);
    return found == entries.end() ? nullptr : &found->second;
  }
  // Aborts when a write does not fit the log: entries must be contiguous.
  void Apply(const Persist& persist);
};

// Writes become durable in their order; a crash loses the rest.
class SimulatedDisk {
 public:
  explicit SimulatedDisk(const Configuration& configuration);

  // Queues a write.
  void Write(Persist persist);
  size_t unsynced() const { return unsynced_.size(); }
  // Makes the oldest queued write durable and returns it.
  // Requires: unsynced() > 0.
  Persist SyncNext();
  // Forgets everything that is not durable.
  void Crash();
  // Mutant: the vote is lost with the crash.
  void ForgetVote() { durable_.hard_state.vote.reset(); }

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
