#include "tests/raft/scenarios/runner/scripted_network.h"

#include <algorithm>

namespace kappa::raft {
namespace {

bool Chosen(const std::vector<size_t>& positions, size_t position) {
  return positions.empty() || std::find(positions.begin(), positions.end(),
                                        position) != positions.end();
}

}  // namespace

void ScriptedNetwork::Send(Message message) {
  sent_.push_back(message);
  if (!loses_all_ && !IsCut(message)) in_flight_.push_back(std::move(message));
}

bool ScriptedNetwork::IsHeld(const Message& message) const {
  return std::any_of(
      holds_.begin(), holds_.end(),
      [&](const MessageFilter& hold) { return hold.Matches(message); });
}

std::vector<const Message*> ScriptedNetwork::Find(
    const MessageFilter& filter) const {
  std::vector<const Message*> found;
  for (const Message& message : in_flight_) {
    if (filter.Matches(message)) found.push_back(&message);
  }
  return found;
}

std::optional<Message> ScriptedNetwork::TakeNext() {
  for (auto it = in_flight_.begin(); it != in_flight_.end(); ++it) {
    if (IsHeld(*it)) continue;
    Message message = std::move(*it);
    in_flight_.erase(it);
    return message;
  }
  return std::nullopt;
}

std::vector<Message> ScriptedNetwork::Take(
    const MessageFilter& filter, const std::vector<size_t>& positions) {
  std::vector<Message> taken;
  size_t position = 0;
  for (auto it = in_flight_.begin(); it != in_flight_.end();) {
    if (filter.Matches(*it) && Chosen(positions, position++)) {
      taken.push_back(std::move(*it));
      it = in_flight_.erase(it);
    } else {
      ++it;
    }
  }
  return taken;
}

void ScriptedNetwork::Duplicate(const MessageFilter& filter,
                                const std::vector<size_t>& positions) {
  size_t position = 0;
  for (auto it = in_flight_.begin(); it != in_flight_.end(); ++it) {
    if (!filter.Matches(*it) || !Chosen(positions, position++)) continue;
    it = in_flight_.insert(std::next(it), *it);
  }
}

bool ScriptedNetwork::Reorder(const MessageFilter& filter,
                              const std::vector<size_t>& order) {
  std::vector<Message*> places;
  for (Message& message : in_flight_) {
    if (filter.Matches(message)) places.push_back(&message);
  }
  std::vector<size_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] != i) return false;
  }
  if (order.size() != places.size()) return false;
  std::vector<Message> reordered;
  for (size_t position : order) reordered.push_back(*places[position]);
  for (size_t i = 0; i < places.size(); ++i) {
    *places[i] = std::move(reordered[i]);
  }
  return true;
}

bool ScriptedNetwork::Release(const MessageFilter& filter) {
  return std::erase(holds_, filter) > 0;
}

void ScriptedNetwork::Cut(NodeId from, NodeId to) {
  cuts_.insert({from, to});
  std::erase_if(in_flight_,
                [this](const Message& message) { return IsCut(message); });
}

size_t ScriptedNetwork::CountSent(const MessageFilter& filter) const {
  return static_cast<size_t>(std::count_if(
      sent_.begin(), sent_.end(),
      [&](const Message& message) { return filter.Matches(message); }));
}

}  // namespace kappa::raft
