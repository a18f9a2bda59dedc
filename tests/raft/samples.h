// Short names for the values that tests of raft/ are written in.
#ifndef KAPPA_TESTS_RAFT_SAMPLES_H_
#define KAPPA_TESTS_RAFT_SAMPLES_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/core_options.h"
#include "raft/entry.h"
#include "raft/message.h"

namespace kappa::raft {

constexpr GroupId kGroup{7};

inline ReplicaId Replica(uint64_t node) {
  return ReplicaId{NodeId(node), Incarnation(1)};
}

inline EntryId At(uint64_t term, uint64_t index) {
  return EntryId{Term(term), LogIndex(index)};
}

inline EntryMeta Records(EntryId id, uint64_t payload_bytes = 10) {
  EntryMeta entry;
  entry.id = id;
  entry.kind = EntryKind::kRecords;
  entry.record_count = 1;
  entry.payload_bytes = payload_bytes;
  entry.handle = EntryHandle(id.term.value() * 1000 + id.index.value());
  return entry;
}

inline Configuration Voters(const std::vector<uint64_t>& nodes) {
  Configuration configuration;
  for (uint64_t node : nodes) configuration.voters.push_back(Replica(node));
  return configuration;
}

inline CoreOptions OptionsOf(uint64_t node) {
  CoreOptions options;
  options.self = Replica(node);
  options.group = kGroup;
  options.random_seed = node;
  return options;
}

// A durable log above `base` with the given terms, one per entry, and a hard
// state of the last one's term.
inline RestoredState Restored(Configuration configuration,
                              const std::vector<uint64_t>& terms,
                              EntryId base = EntryId{}) {
  RestoredState restored;
  restored.base.id = base;
  restored.base.configuration = std::move(configuration);
  restored.last = base;
  for (uint64_t term : terms) {
    const EntryId id{Term(term), restored.last.index.Next()};
    if (restored.term_starts.empty() || restored.last.term != id.term) {
      restored.term_starts.push_back(id);
    }
    restored.last = id;
  }
  restored.hard_state.term = restored.last.term;
  return restored;
}

inline Message MessageOf(MessageType type, uint64_t from, uint64_t to,
                         uint64_t term) {
  Message message;
  message.type = type;
  message.group = kGroup;
  message.from = Replica(from);
  message.to = Replica(to);
  message.term = Term(term);
  return message;
}

inline Message AppendRequest(uint64_t from, uint64_t to, uint64_t term,
                             EntryId previous,
                             const std::vector<uint64_t>& terms,
                             uint64_t committed = 0) {
  Message message = MessageOf(MessageType::kAppendRequest, from, to, term);
  message.previous = previous;
  message.committed = LogIndex(committed);
  LogIndex index = previous.index;
  for (uint64_t entry_term : terms) {
    ++index;
    message.entries.push_back(Records(EntryId{Term(entry_term), index}));
  }
  return message;
}

inline Message AppendAccepted(uint64_t from, uint64_t to, uint64_t term,
                              uint64_t match, uint64_t read_round = 0) {
  Message message = MessageOf(MessageType::kAppendResponse, from, to, term);
  message.granted = true;
  message.match = LogIndex(match);
  message.read_round = read_round;
  return message;
}

inline Message VoteRequest(uint64_t from, uint64_t to, uint64_t term,
                           EntryId last) {
  Message message = MessageOf(MessageType::kVoteRequest, from, to, term);
  message.last = last;
  return message;
}

inline Message VoteResponse(uint64_t from, uint64_t to, uint64_t term,
                            bool granted) {
  Message message = MessageOf(MessageType::kVoteResponse, from, to, term);
  message.granted = granted;
  return message;
}

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SAMPLES_H_
