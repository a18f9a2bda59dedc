// What replicas of one group say to each other.
#ifndef KAPPA_RAFT_MESSAGE_H_
#define KAPPA_RAFT_MESSAGE_H_

#include <cstdint>
#include <vector>

#include "proto/wire/types.h"
#include "raft/entry.h"

namespace kappa::raft {

enum class MessageType : uint8_t {
  kVoteRequest,
  kVoteResponse,
  kAppendRequest,  // without entries: a heartbeat
  kAppendResponse,
};

// One message; which fields count depends on `type`.
//
// In an append request, an entry with handle 0 names only its id: the owner of
// the sending core reads the rest from its log before the message leaves, or
// sends fewer entries. The owner of the receiving core sets each handle.
struct Message {
  MessageType type = MessageType::kAppendRequest;
  GroupId group;
  ReplicaId from;
  ReplicaId to;
  Term term;
  EntryId previous;                // append request: entry before the first;
                                   // append response: repeated
  std::vector<EntryMeta> entries;  // append request, contiguous
  LogIndex committed;              // append request: the leader's
  EntryId last;                    // vote request: candidate's last entry;
                                   // append response, refused: the last entry
                                   // that may agree
  bool granted = false;            // vote response; append response: accepted
  LogIndex match;                  // append response: durable up to here
  // Append response, refused: where terms start in the sender's log, up to
  // `last`, ascending (TermTable::StartsUpTo).
  std::vector<EntryId> term_starts;
  // Append request: the newest read round that this request can confirm; append
  // response: repeated.
  uint64_t read_round = 0;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_MESSAGE_H_
