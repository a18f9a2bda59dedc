// PersistQueue: the writes that a core has asked for, and what is durable.
#ifndef KAPPA_RAFT_PERSIST_QUEUE_H_
#define KAPPA_RAFT_PERSIST_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "proto/wire/types.h"
#include "raft/base.h"
#include "raft/entry.h"
#include "raft/message.h"
#include "raft/output.h"
#include "raft/ring.h"

namespace kappa::raft {

// Collects what must be written, cuts it into Persists, and works out from
// their completions how much of the log is durable.
//
//   open --Seal()--> sealed --TakeSealed()--> in flight --Complete()--> durable
//
// Writes are made durable in their order, so one completion stands for all
// writes before it. A truncation lowers what each earlier write can still
// prove: its entries above the cut may meanwhile have been replaced by others
// at the same (term, index) and back (RAFT.md 10, 14).
//
// Invariant: durable() never exceeds the log's last index.
// Thread safety: thread-compatible.
class PersistQueue {
 public:
  explicit PersistQueue(LogIndex durable) : durable_(durable) {}

  // Adds to the open write, and opens one where there is none.
  void AddEntry(const EntryMeta& entry);
  void AddMessage(Message message);
  // Makes sure that there will be a write, if only of the hard state. Returns
  // the sequence number of the open write.
  uint64_t Touch();

  // Puts a truncation, or a new base, at the head of the open write.
  // `kept` is the last index that stays as it was.
  // Requires: Seal() was called since the last addition.
  void Truncate(LogIndex from);
  // `chunk`: its last state bytes, or nullptr.
  void InstallBase(const LogBase& base, LogIndex kept,
                   std::shared_ptr<const BaseChunk> chunk);

  // Adds state bytes of a base that is being received.
  // Requires: Seal() was called since the last addition.
  void AddBaseChunk(std::shared_ptr<const BaseChunk> chunk);
  // Drops what lies up to the base, all of it durable.
  // Requires: Seal() was called since the last addition.
  void TrimTo(const LogBase& base);
  // Puts an equal entry in place of a damaged one. Returns the sequence number
  // of the open write.
  uint64_t AddRepair(const EntryMeta& entry);

  // Closes the open write, if any: nothing is added to it any more. Called
  // before the term changes, before a cut and before the output is taken, so
  // that a write and the promises that leave after it belong together.
  void Seal(const HardState& hard_state, LogIndex last);
  // Requires: Seal() was called since the last addition.
  std::vector<Persist> TakeSealed();

  // A write is durable. Returns false, and changes nothing, if `token` is not
  // one that is in flight.
  bool Complete(const PersistToken& token);

  // Everything up to here is durable, as the log stands now.
  LogIndex durable() const { return durable_; }
  // The highest sequence number known to be durable.
  uint64_t completed_sequence() const { return completed_sequence_; }
  // True if nothing is open, sealed or in flight.
  bool idle() const { return !is_open_ && in_flight_.empty(); }
  // True if TakeSealed() would return something after a Seal().
  bool has_output() const { return !writes_.empty(); }

  // Gives back memory that a burst has left.
  void ReleaseSpare() { in_flight_.ReleaseSpare(); }
  // Aborts when an invariant does not hold.
  void CheckInvariants(LogIndex last) const;

 private:
  struct InFlight {
    PersistToken token;
    LogIndex proves;  // what its completion makes durable; falls by truncation
  };

  void Cut(LogIndex kept);
  Persist& Open();
  size_t sealed() const { return writes_.size() - (is_open_ ? 1 : 0); }

  std::vector<Persist> writes_;  // sealed ones, then the open one
  bool is_open_ = false;
  Ring<InFlight> in_flight_;  // sealed or taken, ascending by sequence
  LogIndex durable_;
  uint64_t next_sequence_ = 1;
  uint64_t completed_sequence_ = 0;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_PERSIST_QUEUE_H_
