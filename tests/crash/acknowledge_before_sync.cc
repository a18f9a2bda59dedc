// Linked with kappad's main, this makes the program that has the bug which the
// power cuts must notice (storage/commit_mutant.h).
#include "storage/commit_mutant.h"

namespace {

[[maybe_unused]] const bool switched_on =
    kappa::storage::acknowledge_before_sync = true;

}  // namespace
