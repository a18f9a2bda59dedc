#include "tests/checker/anomaly.h"

#include <array>

namespace kappa::checker {

const char* NameOf(AnomalyKind kind) {
  static constexpr std::array<const char*, kAnomalyKinds> kNames = {
      "inconsistent-offset",
      "duplicate",
      "lost-write",
      "never-seen",
      "aborted-read",
      "false-failure",
      "vanished-read",
      "never-appended",
      "altered-bytes",
      "skip",
      "step-back",
      "gap",
      "order",
      "stale-end",
      "end-ahead",
      "condition-wrong-offset",
      "condition-twice",
      "false-refusal",
      "sequence-twice",
      "fenced-epoch",
      "epoch-reused",
      "torn-batch",
      "append-time",
      "divergence",
      "no-progress",
  };
  return kNames[static_cast<size_t>(kind)];
}

}  // namespace kappa::checker
