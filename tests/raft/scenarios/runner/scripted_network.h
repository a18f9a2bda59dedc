// ScriptedNetwork: messages in flight, moved only as a scenario says.
#ifndef KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_SCRIPTED_NETWORK_H_
#define KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_SCRIPTED_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "proto/wire/types.h"
#include "raft/message.h"
#include "tests/raft/scenarios/runner/message_filter.h"

namespace kappa::raft {

// Keeps messages in the order of sending. A cut way loses what is on it and
// what is sent; a held message stays until it is released or asked for.
class ScriptedNetwork {
 public:
  void Send(Message message);

  // In flight, in their order.
  std::vector<const Message*> Find(const MessageFilter& filter) const;
  // Takes the oldest message that is not held; nullopt if there is none.
  std::optional<Message> TakeNext();
  // Takes those of Find(filter) at the given positions (from 0, ascending), or
  // all of them.
  std::vector<Message> Take(const MessageFilter& filter,
                            const std::vector<size_t>& positions);
  // Puts a copy of each message right after it.
  void Duplicate(const MessageFilter& filter,
                 const std::vector<size_t>& positions);
  // Puts the messages that match into the given order of their positions, at
  // the places that they had together. Returns false if that is no permutation.
  bool Reorder(const MessageFilter& filter, const std::vector<size_t>& order);

  void Hold(const MessageFilter& filter) { holds_.push_back(filter); }
  // Ends one hold, or all. Returns false if there is no such hold.
  bool Release(const MessageFilter& filter);
  void ReleaseAll() { holds_.clear(); }

  // While on, everything that is sent is lost.
  void LoseAll(bool on) { loses_all_ = on; }
  void Cut(NodeId from, NodeId to);
  void Join(NodeId from, NodeId to) { cuts_.erase({from, to}); }
  void Heal() { cuts_.clear(); }
  bool IsCut(NodeId from, NodeId to) const {
    return cuts_.contains({from, to});
  }

  // What was sent since the last Mark(), delivered or not.
  size_t CountSent(const MessageFilter& filter) const;
  void Mark() { sent_.clear(); }

 private:
  bool IsCut(const Message& message) const {
    return IsCut(message.from.node, message.to.node);
  }
  bool IsHeld(const Message& message) const;

  std::list<Message> in_flight_;
  std::vector<MessageFilter> holds_;
  std::set<std::pair<NodeId, NodeId>> cuts_;
  std::vector<Message> sent_;
  bool loses_all_ = false;
};

}  // namespace kappa::raft

#endif  // KAPPA_TESTS_RAFT_SCENARIOS_RUNNER_SCRIPTED_NETWORK_H_
