// What replicas of one group say to each other.
#ifndef KAPPA_RAFT_MESSAGE_H_
#define KAPPA_RAFT_MESSAGE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "proto/wire/types.h"
#include "raft/base.h"
#include "raft/entry.h"

namespace kappa::raft {

enum class MessageType : uint8_t {
  kPreVoteRequest,  // would you vote for me in the next term?
  kPreVoteResponse,
  kVoteRequest,
  kVoteResponse,
  kAppendRequest,  // without entries: a heartbeat
  kAppendResponse,
  kReadRequest,  // a follower asks the leader for a read point
  kReadResponse,
  kTimeoutNow,   // the leader asks a follower to campaign at once
  kBaseRequest,  // a chunk of the state up to the leader's base
  kBaseResponse,
  kFetchRequest,  // a replica behind asks any other for committed entries
  kFetchResponse,
  kRepairRequest,  // a replica asks for one entry that it holds damaged
  kRepairResponse,
  kLeaderQuery,  // a replica that knows no leader asks for one
};

// What a replica knows of an entry that another one holds damaged.
enum class Holding : uint8_t {
  kUnknown,  // not asked, or it cannot tell: its own copy is damaged
  kHolds,
  kLacks,  // never had it, or has another one in its place
};

// Where the sender's disk stands (RELIABILITY.md S6): the open of its data
// directory and the newest durable cycle. Stamped by the owner when the message
// leaves; 0, 0 when not stamped. The core only carries it.
struct Generation {
  uint64_t open_id = 0;
  uint64_t cycle = 0;
  friend bool operator==(const Generation&, const Generation&) = default;
};

// One message; which fields count depends on `type`. `term` is always the
// sender's own, also in a pre-vote request, which asks about term + 1.
//
// In an append request and a fetch or repair response, an entry with handle 0
// names only its id: the owner of the sending core reads the rest from its log
// before the message leaves. An append request goes out whole or not at all,
// since its sender counts what is in flight. A fetch response names as many
// entries as CoreOptions::request_entries_max allows, of sizes that the core
// does not know: the owner sends the first of them, at least one, and no
// further one once their payload reaches request_bytes_max; the receiver asks
// for the rest. The owner of the receiving core sets each handle.
struct Message {
  MessageType type = MessageType::kAppendRequest;
  GroupId group;
  ReplicaId from;
  ReplicaId to;
  Term term;
  Generation generation;

  // Append request, fetch request and response: the entry before the first;
  // append response: repeated.
  EntryId previous;
  // Append request, fetch response: contiguous after `previous`. Repair
  // response: the entry, or none.
  std::vector<EntryMeta> entries;
  // Append request: the leader's, as far as the receiver may take it; fetch
  // response: the sender's.
  LogIndex committed;
  // Vote and pre-vote request: the candidate's last entry. Append response,
  // refused: the last entry that may agree. Repair request and response: the
  // entry in question. Base response: the base that is being received.
  EntryId last;
  // Vote, pre-vote response: granted; append response: accepted; read response:
  // the read point is valid; base response: the chunk was taken.
  bool granted = false;
  LogIndex match;  // append response: durable up to here
  // Append response, refused: where terms start in the sender's log, up to
  // `last`, ascending (TermTable::StartsUpTo).
  std::vector<EntryId> term_starts;

  // Append request: the newest read round that this request can confirm;
  // response: repeated.
  uint64_t read_round = 0;
  // Append request: the leader's time in ticks when it was sent; response:
  // repeated. Leases and check-quorum count from the sending.
  uint64_t beat = 0;
  bool quiesce = false;  // append request: sleep once all of this is done
  // Append response, base response; refused: the disk is full. Only then the
  // refusal is no disagreement; the leader asks again at its next heartbeat.
  bool full = false;
  // Append response: the sender's election priority.
  uint8_t priority = 0;
  // Append response: the sender should not lead for now: its disk is slow or
  // full, or an entry is damaged.
  bool unfit = false;
  // Append request: fetch what is missing from this replica instead.
  std::optional<ReplicaId> donor;

  // Vote, pre-vote request: the leader asked for it, so stickiness does not
  // apply. Set by a candidate that was told kTimeoutNow.
  bool transfer = false;
  // Vote request: the lowest entry that the candidate holds damaged; response:
  // repeated. Term 0 where there is none.
  EntryId doubted;
  Holding holding = Holding::kUnknown;  // vote and repair response

  // Read request: names the read and the start of the process that asks;
  // response: repeated (RAFT.md 6).
  uint64_t read_id = 0;
  uint64_t read_instance = 0;
  LogIndex read_index;  // read response, granted

  // Repair request and response: the chain digest up to the entry.
  std::optional<Digest> chain;

  std::shared_ptr<const BaseChunk> chunk;  // base request
  uint64_t chunk_end = 0;  // base response: state bytes received so far
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_MESSAGE_H_
