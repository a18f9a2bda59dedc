// What replicas of one group say to each other.
#ifndef KAPPA_RAFT_MESSAGE_H_
#define KAPPA_RAFT_MESSAGE_H_

#include <cstdint>
#include <vector>

#include "proto/wire/types.h"
#include "raft/entry.h"

namespace kappa::raft {

enum class MessageType : uint8_t {
  kPreVoteRequest,
  kPreVoteResponse,
  kVoteRequest,
  kVoteResponse,
  kAppendRequest,
  kAppendResponse,
};

// One message; which fields count depends on `type`.
struct Message {
  MessageType type = MessageType::kAppendRequest;
  GroupId group;
  ReplicaId from;
  ReplicaId to;
  Term term;
  EntryId previous;                // append request: entry before the first
  std::vector<EntryMeta> entries;  // append request, contiguous
  LogIndex committed;              // append request: the leader's
  EntryId last;                    // vote request: candidate's last entry
  bool granted = false;            // vote response; append response: accepted
  LogIndex match;                  // append response: durable up to here
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_MESSAGE_H_
