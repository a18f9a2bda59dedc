// ReplicaLog: one replica's log and group row, as a disk holds them.
#ifndef KAPPA_TESTS_SIMULATION_REPLICA_LOG_H_
#define KAPPA_TESTS_SIMULATION_REPLICA_LOG_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proto/wire/types.h"
#include "raft/base.h"
#include "raft/configuration.h"
#include "raft/core_options.h"
#include "raft/entry.h"
#include "raft/output.h"

namespace kappa::simulation {

// A stored entry. `content` stands for its payload: a number that no other
// proposal of the run has.
struct LogEntry {
  Term term;
  uint64_t content = 0;
  uint64_t chain = 0;  // covers everything up to and including this entry
  uint64_t payload_bytes = 0;
  uint32_t record_count = 0;
  raft::EntryKind kind = raft::EntryKind::kNoOp;
  std::shared_ptr<const raft::Configuration> configuration;
};

// The chain digest after an entry.
uint64_t ChainAfter(uint64_t chain, raft::EntryId id,
                    const raft::EntryMeta& entry);
Digest DigestOf(uint64_t chain);
uint64_t ChainOf(const Digest& digest);
// The state up to a base, `state_bytes` long: a function of what it stands for.
// Returns the part [offset, offset + bytes).
std::string StateOf(const raft::LogBase& base, uint64_t offset, uint64_t bytes);

// The image that a number of writes leave, applied in their order. Two of them
// make a simulated disk: what was written and what is durable.
//
// Thread safety: thread-compatible.
class ReplicaLog {
 public:
  explicit ReplicaLog(const raft::Configuration& first) {
    base_.configuration = first;
  }

  // Applies a write. Returns what does not fit, or nothing: entries must be
  // contiguous, terms must not fall, a chunk must follow the one before.
  std::string Apply(const raft::Persist& write);
  // What a restart finds.
  raft::RestoredState Restore() const;

  const raft::HardState& hard_state() const { return hard_state_; }
  const raft::LogBase& base() const { return base_; }
  LogIndex base_index() const { return base_.id.index; }
  LogIndex last_index() const { return base_.id.index + entries_.size(); }
  raft::EntryId last() const {
    return entries_.empty() ? base_.id
                            : raft::EntryId{entries_.back().term, last_index()};
  }
  // The entry, or nullptr when it is not above the base or beyond the end.
  const LogEntry* Find(LogIndex index) const {
    if (index <= base_.id.index || index > last_index()) return nullptr;
    return &entries_[index - base_.id.index - 1];
  }
  // Of an index in [base, last].
  uint64_t ChainAt(LogIndex index) const {
    return index == base_.id.index ? ChainOf(base_.chain) : Find(index)->chain;
  }
  Term TermAt(LogIndex index) const {
    return index == base_.id.index ? base_.id.term : Find(index)->term;
  }
  // The newest configuration at or below `index`, and where it stands; the
  // base's when there is none above.
  const raft::Configuration& ConfigurationAt(LogIndex index) const;
  LogIndex ConfigurationIndexAt(LogIndex index) const;
  const raft::Configuration& configuration() const {
    return ConfigurationAt(last_index());
  }

  // --- damage: an entry's payload cannot be read, its header can ---

  void Damage(LogIndex index) { damaged_.insert(index); }
  bool IsDamaged(LogIndex index) const {
    return !damaged_.empty() && damaged_.contains(index);
  }
  const std::set<LogIndex>& damaged() const { return damaged_; }

  // --- deliberate bugs of the owner ---

  // The vote of the present term is gone.
  void ForgetVote() { hard_state_.vote.reset(); }
  // Drops everything from `index` on, as if it were a torn tail.
  void CutFrom(LogIndex index);
  // From now on entries that do not fit are left out without a word.
  void BecomeLossy() { lossy_ = true; }

 private:
  struct StoredConfiguration {
    LogIndex index;
    std::shared_ptr<const raft::Configuration> configuration;
  };

  std::string ApplyBase(const raft::Persist& write);
  std::string Append(const raft::EntryMeta& entry);
  void Install(const raft::LogBase& base);
  std::string Trim(const raft::LogBase& base);

  raft::HardState hard_state_;
  raft::LogBase base_;
  std::vector<LogEntry> entries_;
  std::vector<StoredConfiguration> configurations_;  // above the base
  std::vector<raft::EntryId> term_starts_;           // above the base
  std::optional<raft::PartialBase> partial_;
  std::set<LogIndex> damaged_;
  bool lossy_ = false;
};

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_REPLICA_LOG_H_
