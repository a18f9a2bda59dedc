// NodeHarness: a node on some store, that a test can stop, kill and open again.
#ifndef KAPPA_TESTS_SERVER_NODE_HARNESS_H_
#define KAPPA_TESTS_SERVER_NODE_HARNESS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/node.h"
#include "server/node_stats.h"
#include "tests/server/manual_clock.h"

namespace kappa::server {

// 2026-01-01T00:00:00Z.
inline constexpr int64_t kStartUs = 1'767'225'600'000'000;

class NodeHarness {
 public:
  virtual ~NodeHarness() = default;

  // Changed before Open by tests that want other options.
  NodeOptions options;
  ManualClock clock{kStartUs};
  // Calls of on_fatal so far.
  std::atomic<int> fatal_errors{0};

  // Opens the node on what the store holds.
  virtual absl::Status Open() = 0;
  // Shuts the node down.
  virtual void Stop() = 0;
  // The process dies: what is not durable is lost, nothing is finished.
  // Requires: no request is in flight.
  virtual void Kill() = 0;

  Node& node() { return *node_; }

 protected:
  NodeHarness() {
    options.shards = 2;
    options.clock = &clock;
    options.on_fatal = [this](const absl::Status&) { ++fatal_errors; };
    options.window_bytes = 4 << 20;
  }
  std::unique_ptr<Node> node_;
};

using HarnessFactory = std::function<std::unique_ptr<NodeHarness>()>;

// Every kind of store that this binary tests the node on.
std::vector<HarnessFactory> Harnesses();

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_NODE_HARNESS_H_
