#include "tests/simulation/nodes/run_options.h"

#include "absl/strings/str_cat.h"
#include "tests/simulation/random_source.h"

namespace kappa::node_simulation {

const char* NameOf(Mutant mutant) {
  switch (mutant) {
    case Mutant::kNone:
      return "none";
    case Mutant::kSequencesForgottenByNewLeader:
      return "sequences_forgotten_by_new_leader";
    case Mutant::kSequencesLostAtRestart:
      return "sequences_lost_at_restart";
    case Mutant::kOffsetFromIndex:
      return "offset_from_index";
    case Mutant::kBatchSplit:
      return "batch_split";
    case Mutant::kReplayResumesTooFar:
      return "replay_resumes_too_far";
    case Mutant::kAcknowledgeBeforeSync:
      return "acknowledge_before_sync";
    case Mutant::kEvidenceHidden:
      return "evidence_hidden";
  }
  return "?";
}

RunOptions RunOptions::Draw(uint64_t seed, double seconds) {
  simulation::RandomSource random(seed, 1);
  RunOptions options;
  options.seed = seed;
  options.seconds = seconds;
  options.nodes = 3 + random.Below(3);
  options.racks = 1 + random.Below(options.nodes);
  options.shards = 1 + static_cast<uint32_t>(random.Below(2));
  options.partitions = 1 + static_cast<uint32_t>(random.Below(4));
  options.replicas = 3;
  if (options.nodes == 5 && random.OneIn(3)) options.replicas = 5;
  const uint64_t wildness = random.Below(8);
  options.wildness = wildness == 0 ? 1 : wildness < 5 ? 2 : 3;
  if (seed % 20 == 0) options.wildness = 0;
  return options;
}

std::string TextOf(const RunOptions& options) {
  return absl::StrCat("seed ", options.seed, ": ", options.nodes, " nodes in ",
                      options.racks, " racks, ", options.shards, " shards, ",
                      options.partitions, " partitions of ", options.replicas,
                      " replicas, wildness ", options.wildness, ", mutant ",
                      NameOf(options.mutant));
}

}  // namespace kappa::node_simulation
