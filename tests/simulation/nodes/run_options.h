// RunOptions: the shape of one run of whole nodes, drawn from its seed.
#ifndef KAPPA_TESTS_SIMULATION_NODES_RUN_OPTIONS_H_
#define KAPPA_TESTS_SIMULATION_NODES_RUN_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace kappa::node_simulation {

// What goes wrong in the node on purpose (RELIABILITY.md: "The tests are
// tested"). The first three stand in the node itself (storage/node_mutant.h),
// the others in what stands between the clients and it.
enum class Mutant : uint8_t {
  kNone,
  kSequencesForgottenByNewLeader,
  kSequencesLostAtRestart,
  kOffsetFromIndex,
  kBatchSplit,           // a batch is appended in two parts
  kReplayResumesTooFar,  // a replay that goes on elsewhere leaves out a record
  kAcknowledgeBeforeSync,
  kEvidenceHidden,  // nobody is told what others remember of its disk
};
inline constexpr size_t kMutants = 8;

// "batch_split".
const char* NameOf(Mutant mutant);

struct RunOptions {
  uint64_t seed = 0;
  double seconds = 10;  // of the phase with faults
  size_t nodes = 3;     // to begin with
  size_t racks = 1;
  uint32_t shards = 2;
  uint32_t partitions = 3;  // of the first topic
  uint32_t replicas = 3;
  // How many faults: 0 none, 1 few, 2 usual, 3 many.
  unsigned wildness = 2;
  Mutant mutant = Mutant::kNone;
  bool verbose = false;

  static RunOptions Draw(uint64_t seed, double seconds);
};

// One line: what was drawn.
std::string TextOf(const RunOptions& options);

}  // namespace kappa::node_simulation

#endif  // KAPPA_TESTS_SIMULATION_NODES_RUN_OPTIONS_H_
