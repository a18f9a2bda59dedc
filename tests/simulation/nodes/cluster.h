// Cluster: the nodes, network and clients of a run.
#ifndef KAPPA_TESTS_SIMULATION_NODES_CLUSTER_H_
#define KAPPA_TESTS_SIMULATION_NODES_CLUSTER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proto/wire/types.h"
#include "server/identity.h"
#include "tests/simulation/nodes/appender.h"
#include "tests/simulation/nodes/client.h"
#include "tests/simulation/nodes/durable_watch.h"
#include "tests/simulation/nodes/group_look.h"
#include "tests/simulation/nodes/history.h"
#include "tests/simulation/nodes/node_switch.h"
#include "tests/simulation/nodes/topic_admin.h"
#include "tests/simulation/nodes/world.h"

namespace kappa::node_simulation {

// Thread safety: thread-compatible.
class Cluster {
 public:
  // All nodes run; topics are being made.
  explicit Cluster(World* world);
  ~Cluster();

  // A step of time passes, for nodes, network and clients.
  void Step();
  // Steps for so long; ends early after a breach.
  void RunFor(int64_t us);

  World& world() { return *world_; }
  Nodes& nodes() { return nodes_; }
  NodeSwitch& network() { return network_; }
  History& history() { return history_; }
  DurableWatch& watch() { return watch_; }
  TopicAdmin& admin() { return *admin_; }
  Surroundings& around() { return around_; }

  // The node starts again in a while, whatever ended it. One on an older image
  // of its disk starts when somebody who remembers more of it can be reached:
  // no more is promised (RELIABILITY.md S6). One on a new disk is taken in.
  void StartIn(SimulatedNode* node, int64_t us);
  void StartAll();
  // Called as each step begins, also of those that pass while a node starts or
  // ends.
  void BeforeStep(std::function<void()> run) { before_step_ = std::move(run); }
  // Asks to be taken in with another node, which starts then.
  void AddNode();
  bool adding() const { return adding_; }

  // Whether the node may lose its disk without loss: a majority of every group
  // is elsewhere, and every node that lost its disk before was rebuilt.
  bool MayLoseDisk(SimulatedNode* node);
  // The node loses its disk, or parts of it, in this moment.
  void NoteLost(SimulatedNode* node) { lost_ = node; }
  // Whether a node that lost its disk is not rebuilt.
  bool rebuilding();
  // Whether somebody remembers durably more of the node's disk than the image
  // holds; with `reached`: and can be reached by it now.
  bool RememberedBeyond(const SimulatedNode& node, const NodeDisk::Image& image,
                        bool reached) const;

  // No client begins anything new.
  void StopClients();
  bool ClientsIdle() const;
  // What is not as it shall be once nothing disturbs; "": all is.
  std::string Unsettled();
  // Reads all that the nodes hold into the history, and compares it.
  void ReadEverything();

 private:
  void AddFounders();
  void AddClients();
  SimulatedNode* AddSimulatedNode(const server::NodeInfo& self,
                                  const server::Identity& identity);
  server::NodeInfo InfoOf(uint64_t id);
  void AskToJoin(
      size_t at, raft::v1::JoinRequest request,
      std::function<void(const server::NodeInfo&, const server::Identity&)>
          joined);
  void StartDue();
  void Replace(SimulatedNode* node);
  bool IsRebuilt(const SimulatedNode& node);
  void LookAround();
  // Looks at an append that was acknowledged in this moment.
  void CheckAcknowledged(SimulatedNode& node, GroupId group,
                         const server::AppendResult& result);
  bool Holds(const SimulatedNode& node, GroupId group,
             const server::AppendResult& result) const;
  void CheckPlacement(const server::TopicSnapshot& topic);
  void ReadPartition(SimulatedNode* node, const Place& place, GroupId group);

  World* const world_;
  NodeSwitch network_;
  DurableWatch watch_;
  History history_;
  Nodes nodes_;
  Surroundings around_;
  std::vector<std::unique_ptr<Client>> clients_;
  TopicAdmin* admin_ = nullptr;  // of clients_
  server::Identity founding_;
  std::map<SimulatedNode*, int64_t> starts_us_;
  std::function<void()> before_step_;
  bool adding_ = false;
  SimulatedNode* lost_ = nullptr;  // the last that lost its disk
  int64_t rebuilt_look_us_ = 0;
  int64_t looked_us_ = 0;
  std::set<GroupId> changing_;  // their members, when looked at last
};

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_CLUSTER_H_
