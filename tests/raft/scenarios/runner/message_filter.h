// MessageFilter: which messages a scenario line speaks of.
#ifndef KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_MESSAGE_FILTER_H_
#define KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_MESSAGE_FILTER_H_

#include <optional>
#include <string>

#include "proto/wire/types.h"
#include "raft/message.h"
#include "tests/raft/scenarios/runner/word_reader.h"

namespace kappa::raft {

// "[FROM->TO] [TYPE]": either side may be *, the type any message type,
// "heartbeat" (an append without entries) or "entries" (one with entries).
class MessageFilter {
 public:
  // Takes the words of a filter; all of them are optional.
  static MessageFilter TakeFrom(WordReader& words);

  bool Matches(const Message& message) const;
  std::string ToString() const;
  friend bool operator==(const MessageFilter&, const MessageFilter&) = default;

 private:
  std::optional<ReplicaId> from_;
  std::optional<ReplicaId> to_;
  std::optional<MessageType> type_;
  std::optional<bool> with_entries_;
};

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_MESSAGE_FILTER_H_
