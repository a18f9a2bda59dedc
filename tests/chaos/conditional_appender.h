// ConditionalAppender: clients that compete for the next offset.
#ifndef KAPPA_TESTS_CHAOS_CONDITIONAL_APPENDER_H_
#define KAPPA_TESTS_CHAOS_CONDITIONAL_APPENDER_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "tests/chaos/node_stubs.h"
#include "tests/chaos/role.h"
#include "tests/chaos/value_maker.h"

namespace kappa::chaos {

// Appends to the conditional partition what must get a given offset, by unary
// calls without a producer. When it does not know the end it asks for it,
// linearizable. A value is never sent twice.
class ConditionalAppender : public Role {
 public:
  // `recorder` and `stop` outlive the role.
  ConditionalAppender(RoleOptions options, Recorder& recorder,
                      StopSignal& stop);
  void Run() override;

 private:
  std::optional<uint64_t> AskEnd();
  // Returns the end after it, nullopt when it is not known any more.
  std::optional<uint64_t> AppendAt(uint64_t expected);

  const RoleOptions options_;
  const uint32_t partition_;
  Recorder& recorder_;
  StopSignal& stop_;
  NodeStubs nodes_;
  ValueMaker values_;
  size_t node_ = 0;
};

}  // namespace kappa::chaos

#endif  // KAPPA_TESTS_CHAOS_CONDITIONAL_APPENDER_H_
