// Poller: reads on from where it was, from nodes drawn at random.
#ifndef KAPPA_TESTS_CHAOS_POLLER_H_
#define KAPPA_TESTS_CHAOS_POLLER_H_

#include <cstdint>
#include <vector>

#include "tests/chaos/node_stubs.h"
#include "tests/chaos/role.h"
#include "tests/chaos/value_maker.h"

namespace kappa::chaos {

// Bounded reads of all partitions on plain stubs; every second one is
// linearizable. A node may lag behind: then the read is refused, and that is
// all.
class Poller : public Role {
 public:
  // `recorder` and `stop` outlive the role.
  Poller(RoleOptions options, Recorder& recorder, StopSignal& stop);
  void Run() override;

 private:
  void ReadOnce(uint32_t partition, bool linearizable);

  const RoleOptions options_;
  Recorder& recorder_;
  StopSignal& stop_;
  NodeStubs nodes_;
  ValueMaker draws_;
  std::vector<uint64_t> next_offsets_;  // by partition
};

}  // namespace kappa::chaos

#endif  // KAPPA_TESTS_CHAOS_POLLER_H_
