// DirectoryCluster: three nodes of one process, each on a data directory of its
// own, of which a test keeps and puts back copies.
#ifndef KAPPA_TESTS_SERVER_DIRECTORY_CLUSTER_H_
#define KAPPA_TESTS_SERVER_DIRECTORY_CLUSTER_H_

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/clock.h"
#include "proto/wire/types.h"
#include "server/identity.h"
#include "tests/server/fake_network.h"
#include "tests/server/held_clock.h"
#include "tests/server/node_driver.h"
#include "tests/server/node_harness.h"

namespace kappa::server {

// Time is real: ticks of 10 ms, elections within some 200 ms. Nothing but lower
// bounds is asserted about it; what shall become true is waited for, 30 s at
// most.
class DirectoryCluster {
 public:
  static constexpr size_t kNodes = 3;

  // No node runs.
  DirectoryCluster();
  ~DirectoryCluster();

  FakeSwitch& network() { return switch_; }
  const Clock& clock() const { return clock_; }
  // What the node itself goes by.
  HeldClock& clock_of(size_t i) { return clocks_[i]; }
  // Nodes by number, from 0; their ids are one more.
  bool up(size_t i) const { return up_[i]; }
  NodeDriver& driver(size_t i) { return *drivers_[i]; }
  const std::string& directory(size_t i) const;
  // Whether the node, while it served, was found to have forgotten.
  bool forgot(size_t i) const;
  // From now on a node whose directory was set aside is replaced.
  void AllowReplacement() { replaces_ = true; }
  // CANCELLED: the directory was set aside, and the node waits.
  absl::Status Start(size_t i);
  // All at once: each of them meets the others.
  void StartAll();
  void Stop(size_t i);
  void Cut(size_t i) { switch_.Cut(NodeId(i + 1)); }
  void Mend(size_t i) { switch_.Mend(NodeId(i + 1)); }

  // Copies of the directory of a node that does not run.
  std::string Copy(size_t i);
  void PutBack(size_t i, const std::string& copy);
  void Wipe(size_t i);

  bool Await(const std::function<bool()>& holds);
  // Makes a topic of one partition, which all of `nodes` know on return.
  GroupId MakeTopic(const std::string& name,
                    const std::vector<size_t>& nodes = {0, 1, 2});
  // Hands the group's leadership to the node; false when it could not take it
  // within 30 s: it has no vote.
  bool MakeLead(size_t i, GroupId group);
  // Appends at whichever of `nodes` leads; waits for that.
  AppendResult Append(GroupId group, const std::string& value,
                      const std::vector<size_t>& nodes);
  // Whether one of `nodes` takes an append within `us`.
  bool Appends(GroupId group, const std::string& value,
               const std::vector<size_t>& nodes, int64_t us);
  // What a node holds, once its end is `end`.
  std::vector<std::string> ReadAll(size_t i, GroupId group, uint64_t end);

 private:
  class Member;

  absl::StatusOr<Identity> FindPlace(size_t i);
  // Asks the others to take the node's empty directory in; waits for that.
  absl::StatusOr<Identity> TakeFormerPlace(size_t i);

  SystemClock clock_;
  std::array<HeldClock, kNodes> clocks_;
  FakeSwitch switch_{&clock_};
  std::string root_;
  int copies_ = 0;
  bool replaces_ = false;
  std::array<Identity, kNodes> identities_;
  std::array<bool, kNodes> placed_{};
  std::array<std::unique_ptr<Member>, kNodes> nodes_;
  std::array<std::unique_ptr<NodeDriver>, kNodes> drivers_;
  std::array<bool, kNodes> up_{};
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_DIRECTORY_CLUSTER_H_
