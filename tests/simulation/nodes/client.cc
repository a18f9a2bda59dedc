#include "tests/simulation/nodes/client.h"

#include <cstdlib>

#include "kappa/v1/error.pb.h"

namespace kappa::node_simulation {

std::string ReasonOf(const absl::Status& status) {
  if (!status
           .GetPayload(absl::string_view(server::kErrorInfoTypeUrl.data(),
                                         server::kErrorInfoTypeUrl.size()))
           .has_value()) {
    return "";
  }
  return server::ErrorInfoOf(status).reason();
}

bool IsDefinite(const absl::Status& status) {
  if (ReasonOf(status).empty()) return false;
  const v1::ErrorInfo info = server::ErrorInfoOf(status);
  const auto outcome = info.metadata().find("outcome");
  return outcome != info.metadata().end() && outcome->second == "definite";
}

std::optional<size_t> Client::AnyNode() {
  std::vector<size_t> serving;
  for (size_t i = 0; i < around_->nodes->size(); ++i) {
    if ((*around_->nodes)[i]->up()) serving.push_back(i);
  }
  if (serving.empty()) return std::nullopt;
  return serving[random_.Below(serving.size())];
}

void Client::Follow(const absl::Status& status) {
  if (ReasonOf(status) == "NOT_LEADER") {
    const v1::ErrorInfo info = server::ErrorInfoOf(status);
    const auto leader = info.metadata().find("leader_node");
    if (leader != info.metadata().end()) {
      for (size_t i = 0; i < around_->nodes->size(); ++i) {
        if (std::to_string((*around_->nodes)[i]->id().value()) !=
            leader->second) {
          continue;
        }
        ++world().counts.not_leader_followed;
        node_ = i;
        return;
      }
    }
  }
  node_ = AnyNode().value_or(0);
}

SimulatedNode* Client::Chosen() {
  if (node_ < around_->nodes->size() && (*around_->nodes)[node_]->up()) {
    return (*around_->nodes)[node_].get();
  }
  const std::optional<size_t> any = AnyNode();
  if (!any.has_value()) return nullptr;
  node_ = *any;
  return (*around_->nodes)[node_].get();
}

std::optional<GroupId> Client::GroupAt(SimulatedNode& node,
                                       const Place& place) {
  const auto topic = node.node()->FindTopic(place.topic);
  if (topic == nullptr || place.partition >= topic->groups.size()) {
    return std::nullopt;
  }
  return topic->groups[place.partition];
}

std::string Client::NameOf(const SimulatedNode& node) {
  return "n" + std::to_string(node.id().value());
}

checker::Event Client::Invocation(checker::OperationKind kind,
                                  const SimulatedNode& node) const {
  checker::Event event;
  event.kind = kind;
  event.process = process_;
  event.node = NameOf(node);
  return event;
}

void Client::RecordFailure(uint64_t op, const SimulatedNode* node,
                           const absl::Status& status) {
  checker::Event event;
  event.type = IsDefinite(status) ? checker::EventType::kFail
                                  : checker::EventType::kUnknown;
  event.op = op;
  if (node != nullptr) event.node = NameOf(*node);
  event.reason = ReasonOf(status);
  history().Add(std::move(event));
}

}  // namespace kappa::node_simulation
