// GroupLog: a replica's Raft core together with the entries that are not
// committed yet.
//
//   stored and committed      | pending: (committed, last]
//   ... 41 42 43              | 44 45 46
//        committed_tail() ────┘        └──── tail()
#ifndef KAPPA_SERVER_GROUP_LOG_H_
#define KAPPA_SERVER_GROUP_LOG_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/payload.h"
#include "proto/wire/types.h"
#include "raft/core.h"
#include "server/append_clock.h"
#include "server/log_tail.h"
#include "server/ring_queue.h"
#include "server/write_cycle.h"
#include "storage/entry_header.h"
#include "storage/log_store.h"

namespace kappa::server {

// Invariants: tail().last == core's last; pending entries are contiguous and
// end there.
// Thread safety: thread-compatible.
class GroupLog {
 public:
  // What the core told since the last call.
  struct Progress {
    bool committed = false;  // PopCommitted has something
    std::vector<raft::ReadConfirmed> reads_confirmed;
    std::vector<uint64_t> reads_refused;
  };

  // What the store holds of a replica, as a core is made from it.
  // Errors: those of the store.
  static absl::StatusOr<GroupLog> Recover(const storage::LogStore& store,
                                          const storage::ReplicaInfo& replica,
                                          const AppendClock* clock);

  ReplicaNumber number() const { return number_; }
  GroupId group() const { return group_; }

  // Stands for election at once; a single voter leads when this returns.
  void Campaign();
  bool leads() const { return core_.role() == raft::Role::kLeader; }
  // Appends as leader: gives `header` its place and remembers the entry until
  // it is committed. Returns the header, valid until the next call.
  // Errors: OVERLOADED (too much is uncommitted), NOT_LEADER.
  absl::StatusOr<const storage::EntryHeader*> Propose(
      storage::EntryHeader header, Payload payload);
  // Asks for a linearizable read point; its id comes back in Progress.
  uint64_t RequestRead();

  // Adds what must be written to `cycle`, for `owner`.
  Progress Collect(ShardGroup* owner, WriteCycle* cycle);
  void OnDurable(const raft::PersistToken& token);
  // The next committed entry, in order; nullopt when there is none.
  std::optional<storage::StoredEntry> PopCommitted();

  // A time that no entry behind committed_tail() will be below; it rises with
  // the clock. As leader, later entries are held to it from now on, also when
  // the clock is set back.
  int64_t SettleAppendTime();

  const LogTail& tail() const { return tail_; }
  const LogTail& committed_tail() const { return committed_tail_; }
  // Whether an entry of the own term is committed, and taken by PopCommitted:
  // committed_tail() is then what is committed. False when not leader.
  bool own_term_committed() const;
  // What lies before the first entry.
  const storage::GroupBase& base() const { return base_; }
  // The pending entry at `index`, or null.
  const storage::EntryHeader* FindPending(LogIndex index) const;
  size_t pending() const { return pending_.size(); }
  bool writing() const { return writes_in_flight_ > 0; }

 private:
  GroupLog(const storage::ReplicaInfo& replica,
           storage::ReplicaPosition position,
           std::vector<raft::EntryId> term_starts, const AppendClock* clock);

  // Places the no-op that the core put at its end on becoming leader.
  void PlaceNoOp();
  storage::GroupWrite WriteFor(const raft::Persist& persist);

  const GroupId group_;
  const ReplicaNumber number_;
  const AppendClock* const clock_;
  storage::GroupBase base_;
  raft::Core core_;
  raft::HardState written_hard_state_;
  LogTail tail_;  // its time is the least that the next entry gets
  LogTail committed_tail_;
  RingQueue<storage::StoredEntry> pending_;
  uint64_t last_read_id_ = 0;
  uint32_t writes_in_flight_ = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_GROUP_LOG_H_
