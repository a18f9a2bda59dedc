// Role: what one client of a chaos run does until the run is over.
#ifndef KAPPA_TESTS_CHAOS_ROLE_H_
#define KAPPA_TESTS_CHAOS_ROLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/chaos/recorder.h"
#include "tests/chaos/stop_signal.h"

namespace kappa::chaos {

struct RoleOptions {
  // HOST:PORT of n1, n2, ... for clients.
  std::vector<std::string> nodes;
  std::string topic;
  // The last one is for conditional appends alone; at least two.
  uint32_t partitions = 0;
  // Number of this process in the history; threads add to it, below 100.
  uint64_t process = 0;
  // Operations a second of each thread.
  double rate = 100;
  uint64_t seed = 0;

  std::string Seeds() const { return absl::StrJoin(nodes, ","); }
  // What histories call a partition.
  std::string NameOf(uint32_t partition) const {
    return absl::StrCat(topic, "/", partition);
  }
  uint32_t conditional_partition() const { return partitions - 1; }
  uint32_t shared_partitions() const { return partitions - 1; }
};

// Thread safety: Run is called once, on a thread of its own.
class Role {
 public:
  virtual ~Role() = default;
  // Works until `stop` is set, then waits for what is under way, with a bound.
  virtual void Run() = 0;
};

}  // namespace kappa::chaos

#endif  // KAPPA_TESTS_CHAOS_ROLE_H_
