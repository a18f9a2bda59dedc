#include "tests/simulation/owner_mutant.h"

namespace kappa::simulation {

bool NeedsWrittenPlan(OwnerMutant mutant) {
  return mutant == OwnerMutant::kReadInstanceReused ||
         mutant == OwnerMutant::kStaleCompletion ||
         mutant == OwnerMutant::kPauseUnnoticed;
}

const char* NameOf(OwnerMutant mutant) {
  static constexpr const char* kNames[kOwnerMutants] = {
      "none",
      "acknowledge_before_sync",
      "promise_before_sync",
      "vote_not_persisted",
      "amnesiac_votes",
      "incarnation_reused",
      "disk_full_as_success",
      "sync_retried",
      "cut_on_checksum_error",
      "read_instance_reused",
      "damaged_left_out",
      "stale_completion",
      "pause_unnoticed"};
  return kNames[static_cast<size_t>(mutant)];
}

}  // namespace kappa::simulation
