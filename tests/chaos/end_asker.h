// EndAsker: asks nodes drawn at random where partitions end.
#ifndef KAPPA_TESTS_CHAOS_END_ASKER_H_
#define KAPPA_TESTS_CHAOS_END_ASKER_H_

#include <cstdint>

#include "tests/chaos/node_stubs.h"
#include "tests/chaos/role.h"
#include "tests/chaos/value_maker.h"

namespace kappa::chaos {

// Every second answer is to be linearizable. Plain stubs.
class EndAsker : public Role {
 public:
  // `recorder` and `stop` outlive the role.
  EndAsker(RoleOptions options, Recorder& recorder, StopSignal& stop);
  void Run() override;

 private:
  void AskOnce(uint32_t partition, bool linearizable);

  const RoleOptions options_;
  Recorder& recorder_;
  StopSignal& stop_;
  NodeStubs nodes_;
  ValueMaker draws_;
};

}  // namespace kappa::chaos

#endif  // KAPPA_TESTS_CHAOS_END_ASKER_H_
