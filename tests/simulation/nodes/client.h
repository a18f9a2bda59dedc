// Client: what every kind of client of a run is made of.
#ifndef KAPPA_TESTS_SIMULATION_NODES_CLIENT_H_
#define KAPPA_TESTS_SIMULATION_NODES_CLIENT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "server/errors.h"
#include "server/node.h"
#include "tests/checker/event.h"
#include "tests/simulation/nodes/history.h"
#include "tests/simulation/nodes/simulated_node.h"
#include "tests/simulation/nodes/world.h"

namespace kappa::node_simulation {

using Nodes = std::vector<std::unique_ptr<SimulatedNode>>;

// A partition that clients use.
struct Place {
  std::string topic;
  uint32_t partition = 0;
  // As the history names it.
  std::string name() const { return topic + "/" + std::to_string(partition); }
};

// What the clients of a run share.
struct Surroundings {
  World* world = nullptr;
  Nodes* nodes = nullptr;
  History* history = nullptr;
  std::vector<Place> places;  // grows
};

// The reason of an error, e.g. "NOT_LEADER"; "" of a lost connection.
std::string ReasonOf(const absl::Status& status);
// Whether the error says that nothing happened.
bool IsDefinite(const absl::Status& status);

// A call of a client to a node. Its answer takes a while to arrive; it is lost
// when the process dies, and not waited for beyond a time.
//
// Thread safety: thread-compatible.
template <typename T>
class Ask {
 public:
  // What is to be passed to the node. `process` is that which is asked.
  server::Node::Callback<T> Begin(World* world, const SimulatedNode& node,
                                  int64_t timeout_us) {
    world_ = world;
    node_ = &node;
    process_ = node.process();
    ends_us_ = world->now_us + timeout_us;
    state_ = std::make_shared<State>();
    return [state = state_, world](absl::StatusOr<T> answer) {
      state->at_us = world->now_us + world->schedule.Between(0, 3'000);
      state->answer = std::move(answer);
    };
  }
  bool under_way() const { return state_ != nullptr; }
  // The answer, once; nullopt: it is not there yet.
  std::optional<absl::StatusOr<T>> Take() {
    std::optional<absl::StatusOr<T>> answer;
    if (node_->process() != process_) {
      answer = absl::UnavailableError("the connection broke");
    } else if (state_->answer.has_value() && world_->now_us >= state_->at_us) {
      answer = std::move(state_->answer);
    } else if (world_->now_us > ends_us_) {
      answer = absl::DeadlineExceededError("no answer");
    }
    if (answer.has_value()) state_.reset();
    return answer;
  }

 private:
  struct State {
    std::optional<absl::StatusOr<T>> answer;
    int64_t at_us = 0;
  };
  World* world_ = nullptr;
  const SimulatedNode* node_ = nullptr;
  uint64_t process_ = 0;
  int64_t ends_us_ = 0;
  std::shared_ptr<State> state_;
};

// Thread safety: thread-compatible.
class Client {
 public:
  Client(Surroundings* around, uint64_t process)
      : around_(around),
        process_(process),
        random_(around->world->options.seed, 1'000 + process) {}
  virtual ~Client() = default;

  // Goes on as far as it can now.
  virtual void Step() = 0;
  // From now on it begins nothing new.
  void Stop() { stopped_ = true; }
  // Nothing of it is under way.
  virtual bool idle() const = 0;

 protected:
  // A node that serves, by its place among the nodes; none: all are down.
  std::optional<size_t> AnyNode();
  // Where to go on after `status`: where it says that the leader is, or
  // anywhere.
  void Follow(const absl::Status& status);
  // The node to ask, if it serves; else another one.
  SimulatedNode* Chosen();
  // The group as the node knows it.
  static std::optional<GroupId> GroupAt(SimulatedNode& node,
                                        const Place& place);
  // How the history names it.
  static std::string NameOf(const SimulatedNode& node);
  checker::Event Invocation(checker::OperationKind kind,
                            const SimulatedNode& node) const;
  // Records that the operation failed, or may have.
  void RecordFailure(uint64_t op, const SimulatedNode* node,
                     const absl::Status& status);
  void Pause(int64_t longest_us) {
    wakes_us_ = world().now_us + random_.Between(1'000, longest_us);
  }
  bool pausing() const { return around_->world->now_us < wakes_us_; }
  // "p7-12": unique in the run.
  std::string NewValue() {
    return "p" + std::to_string(process_) + "-" + std::to_string(++values_);
  }
  World& world() { return *around_->world; }
  History& history() { return *around_->history; }

  Surroundings* const around_;
  const uint64_t process_;
  simulation::RandomSource random_;
  bool stopped_ = false;
  size_t node_ = 0;

 private:
  int64_t wakes_us_ = 0;
  uint64_t values_ = 0;
};

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_CLIENT_H_
