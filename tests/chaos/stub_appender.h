// StubAppender: a named producer on plain stubs that resolves what is unknown.
#ifndef KAPPA_TESTS_CHAOS_STUB_APPENDER_H_
#define KAPPA_TESTS_CHAOS_STUB_APPENDER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kappa/v1/log_service.pb.h"
#include "tests/chaos/node_stubs.h"
#include "tests/chaos/role.h"
#include "tests/chaos/value_maker.h"

namespace kappa::chaos {

// One batch at a time, by unary calls to nodes drawn at random. A batch whose
// outcome is unknown, or that was refused for now, is sent again with its
// sequence, to another node, until it is stored. Each attempt is one operation
// of the history.
class StubAppender : public Role {
 public:
  // `recorder` and `stop` outlive the role.
  StubAppender(RoleOptions options, std::string producer, Recorder& recorder,
               StopSignal& stop);
  void Run() override;

 private:
  // Until a node lets it begin; false when the run ends before.
  bool Open();
  bool OpenAt(size_t node);
  // Until it is stored; false when the run ends before, or for an answer that
  // nothing explains.
  bool Store(uint32_t partition, const MadeBatch& batch);
  // One attempt. What comes next is told by `*stored` and the return value:
  // false gives up.
  bool Attempt(size_t* node, const v1::AppendRequest& request,
               const MadeBatch& batch, bool repeated, bool* stored);
  v1::AppendRequest RequestFor(uint32_t partition, const MadeBatch& batch);
  size_t AnyNode() {
    return values_.Draw(static_cast<uint32_t>(nodes_.size()));
  }

  const RoleOptions options_;
  const std::string producer_;
  Recorder& recorder_;
  StopSignal& stop_;
  NodeStubs nodes_;
  ValueMaker values_;
  std::string producer_id_;
  uint64_t epoch_ = 0;
  std::vector<uint64_t> last_sequences_;  // by partition
};

}  // namespace kappa::chaos

#endif  // KAPPA_TESTS_CHAOS_STUB_APPENDER_H_
