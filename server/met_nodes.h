// MetNodes: which opens of which disks this node listens to, and what they
// remember of its own (RELIABILITY.md S6).
//
//   hello ─> Judge ──ok──> EvidenceAbout (goes with the answer) ─> frames: Note
//              └── forgotten: this node's replicas are never heard again
#ifndef KAPPA_SERVER_MET_NODES_H_
#define KAPPA_SERVER_MET_NODES_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string_view>

#include "absl/status/status.h"
#include "kappa/raft/v1/greeting.pb.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"
#include "raft/message.h"
#include "storage/generation_ledger.h"

namespace kappa::server {

// DATA_LOSS: a disk has forgotten what it promised; says why.
absl::Status Forgotten(std::string_view why);
// Whether the status says that a disk has forgotten what it promised.
bool IsForgotten(const absl::Status& status);

// What a node promised is evidence as soon as it was listened to, and the next
// open of its disk is told all of that before it is listened to: both happen in
// the order of the calls of Judge and Note. What is known of a disk grows only
// by what its node says in frames, never by its hello.
//
// Thread safety: thread-safe.
class MetNodes {
 public:
  // `generations` are those of the disk `own`; null: it keeps none, and forgets
  // nothing. Must outlive this.
  MetNodes(const Uuid& own, storage::GenerationLedger* generations)
      : own_(own), generations_(generations) {}

  // What is known about the disk of a node, to be told to it.
  raft::v1::Greeting EvidenceAbout(const Uuid& disk) const;

  // Judges only what the sender remembers of this node's disk: true of whoever
  // says it, also of one on a disk that was replaced. Errors: DATA_LOSS, as
  // Judge.
  absl::Status JudgeEvidence(const raft::v1::Greeting& greeting);

  // Judges a hello, or an answer to one, of a node that is known on the
  // greeting's disk. From now on frames of an earlier open of it are refused.
  // Errors: DATA_LOSS, IsForgotten: the sender remembers more of this node's
  // disk than the disk does; from then on everybody is refused with that.
  // FAILED_PRECONDITION: the sender knows this node by another disk; or a later
  // open of the sender's disk was heard already. (A hello alone does not tell
  // the order of opens: that of a process long gone may be read late.)
  absl::Status Judge(const raft::v1::Greeting& greeting);

  // Takes down how far a disk has come. Errors: FAILED_PRECONDITION: that open
  // is not the one met last: what it says does not count any more. Those of
  // forgotten().
  absl::Status Note(NodeId node, const Uuid& disk,
                    const raft::Generation& told);

  // Whether the node has told what it remembers of this open of this disk, in
  // its answer to a hello.
  bool HasMet(NodeId node) const;
  // Why this node's disk has forgotten; OK: nobody says so.
  absl::Status forgotten() const;

 private:
  struct Met {
    Uuid disk{};
    uint64_t open_id = 0;
    // Opens that said a hello, in the order of their first ones, and those
    // that are known to be over.
    std::deque<uint64_t> greeted;
    std::deque<uint64_t> past;
    bool answered = false;
  };

  absl::Status JudgeEvidenceLocked(const raft::v1::Greeting& greeting)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckKnownDisk(const raft::v1::Greeting& greeting) const;
  // Frames of that open have come, so that each one that said its first hello
  // before it did is over: such a frame answers this node's answer.
  static void OnHeard(Met* met);
  // Whether a later open than that one was heard.
  bool IsPast(const Met& met, const Uuid& disk, uint64_t open_id) const;

  const Uuid own_;
  storage::GenerationLedger* const generations_;
  mutable Mutex mutex_;
  absl::Status forgotten_ ABSL_GUARDED_BY(mutex_);
  std::map<NodeId, Met> met_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_MET_NODES_H_
