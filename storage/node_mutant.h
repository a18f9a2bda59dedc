// Deliberate bugs of a node, so that the simulation of whole nodes can prove
// that it would notice them (RELIABILITY.md: "The tests are tested").
//
// Nothing that kappad is told reaches them: no flag, no setting, no variable of
// the environment. Only the programs of tests/simulation/nodes switch one on,
// before anything runs.
#ifndef KAPPA_STORAGE_NODE_MUTANT_H_
#define KAPPA_STORAGE_NODE_MUTANT_H_

#include <cstdint>

namespace kappa::storage {

enum class NodeMutant : uint8_t {
  kNone,
  kSequencesForgottenByNewLeader,  // knows those of its own term only
  kSequencesLostAtRestart,         // knows those of this run only
  kOffsetFromIndex,                // no-ops are taken to use up an offset
};

inline NodeMutant active_node_mutant = NodeMutant::kNone;

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_NODE_MUTANT_H_
