// CommitNotices: the append requests of a leader that say nothing but how far
// the log is committed, held back for a moment.
//
//   append 5 ──>  <── stored 5   (commit 5)   append 6, commit 5 ──>
//                                    └─ needs no message of its own
//
// While appends follow each other, the next one tells it; without this each
// batch costs two messages and two answers more in a cluster of three.
#ifndef KAPPA_SERVER_COMMIT_NOTICES_H_
#define KAPPA_SERVER_COMMIT_NOTICES_H_

#include <memory>
#include <vector>

#include "proto/wire/types.h"
#include "raft/message.h"

namespace kappa::server {

// A request without entries is held only if it tells a commit that none before
// it did, and one of the same term, beat and read round has left for its
// receiver: then leases, reads and liveness gain nothing by it. A held one is
// forgotten when a request that says as much leaves. Losing one is harmless:
// each heartbeat tells the commit again.
//
// Thread safety: thread-compatible.
class CommitNotices {
 public:
  // Whether `message` is such a notice. It is taken then, and kept in the place
  // of an older one to its receiver.
  bool Hold(raft::Message* message);
  // `message` leaves.
  void NoteSent(const raft::Message& message);
  // Whether anything is held.
  bool any() const;
  // What is held and of `term`; nothing is held then.
  std::vector<raft::Message> Release(Term term);

 private:
  struct Receiver {
    ReplicaId id;
    Term term;
    uint64_t beat = 0;
    uint64_t read_round = 0;
    LogIndex told;  // the highest commit that a request told
    // Absent mostly: a node has as many receivers as groups that it leads.
    std::unique_ptr<raft::Message> held;
  };

  Receiver* Find(ReplicaId id);

  // Few: those that this replica leads.
  std::vector<Receiver> receivers_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_COMMIT_NOTICES_H_
