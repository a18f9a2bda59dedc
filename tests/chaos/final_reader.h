// FinalReader: what every node holds when all is quiet.
#ifndef KAPPA_TESTS_CHAOS_FINAL_READER_H_
#define KAPPA_TESTS_CHAOS_FINAL_READER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kappa/v1/log_service.pb.h"
#include "tests/chaos/node_stubs.h"
#include "tests/chaos/role.h"

namespace kappa::chaos {

// Fresh connections to each node alone; what is asked is `committed`, which a
// node answers from its own replica. First the ends and chain digests that all
// nodes tell must agree, then each partition is replayed from offset 0 at each
// node.
class FinalReader {
 public:
  // `recorder` outlives the reader.
  FinalReader(RoleOptions options, Recorder& recorder);

  // Writes the `final` lines of the history. Ends that do not agree within
  // `patience` are written as they are, for the checker to judge.
  // Errors: DEADLINE_EXCEEDED: a node does not answer that long.
  absl::Status Run(absl::Duration patience);

 private:
  // By node, then by partition.
  using Ends = std::vector<std::vector<v1::GetOffsetsResponse>>;

  absl::StatusOr<Ends> AskAll();
  absl::StatusOr<Ends> WaitUntilEqual(absl::Time deadline);
  absl::Status ReadAll(size_t node, uint32_t partition,
                       const v1::GetOffsetsResponse& end, absl::Time deadline);
  absl::Status ReadOn(size_t node, uint32_t partition, uint64_t end,
                      uint64_t* next);

  const RoleOptions options_;
  Recorder& recorder_;
  NodeStubs nodes_;
};

}  // namespace kappa::chaos

#endif  // KAPPA_TESTS_CHAOS_FINAL_READER_H_
