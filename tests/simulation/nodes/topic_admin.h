// TopicAdmin: a client that changes topics.
#ifndef KAPPA_TESTS_SIMULATION_NODES_TOPIC_ADMIN_H_
#define KAPPA_TESTS_SIMULATION_NODES_TOPIC_ADMIN_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "tests/simulation/nodes/client.h"

namespace kappa::node_simulation {

// Does one thing after the other until it knows how that ended. After a topic
// was made, any node that confirms that it knows all topics must know it.
//
// Thread safety: thread-compatible.
class TopicAdmin final : public Client {
 public:
  using Client::Client;

  void Step() override;
  bool idle() const override { return work_.empty() && !synced_.under_way(); }

  // `workload`: clients use its partitions once it is there.
  void Create(const std::string& topic, uint32_t partitions, uint32_t replicas,
              bool workload);
  void SetReplicas(const std::string& topic, uint32_t replicas);
  void AddPartitions(const std::string& topic, uint32_t partitions,
                     bool workload);
  void Delete(const std::string& topic);

  // The topics that were made and not deleted, with their partitions, as far as
  // this client knows for certain.
  const std::map<std::string, uint32_t>& topics() const { return topics_; }
  // How many replicas each of them shall have.
  const std::map<std::string, uint32_t>& replicas() const { return replicas_; }
  // The fewest that any topic has, or may be given by what is under way.
  uint32_t FewestReplicas() const;
  // Of which topics the replicas were changed.
  const std::set<std::string>& moved() const { return moved_; }

 private:
  enum class Kind { kCreate, kReplicas, kPartitions, kDelete };
  struct Work {
    Kind kind = Kind::kCreate;
    std::string topic;
    uint32_t partitions = 0;
    uint32_t replicas = 0;
    bool workload = false;
  };

  void Begin(const Work& work, SimulatedNode* node);
  void OnDone(const Work& work);
  void AddPlaces(const Work& work);
  void BeginSync();
  void TakeSync();

  std::deque<Work> work_;
  std::map<std::string, uint32_t> topics_;
  std::map<std::string, uint32_t> replicas_;
  std::set<std::string> moved_;
  Ask<bool> asked_;
  Ask<bool> synced_;
  SimulatedNode* synced_at_ = nullptr;
};

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_TOPIC_ADMIN_H_
