// Anomaly: something that a history shows and no correct log does.
#ifndef KAPPA_TESTS_CHECKER_ANOMALY_H_
#define KAPPA_TESTS_CHECKER_ANOMALY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kappa::checker {

// README.md defines each.
enum class AnomalyKind : uint8_t {
  kInconsistentOffset,
  kDuplicate,
  kLostWrite,
  kNeverSeen,
  kAbortedRead,
  kFalseFailure,
  kVanishedRead,
  kNeverAppended,
  kAlteredBytes,
  kSkip,
  kStepBack,
  kGap,
  kOrder,
  kStaleEnd,
  kEndAhead,
  kConditionWrongOffset,
  kConditionTwice,
  kFalseRefusal,
  kSequenceTwice,
  kFencedEpoch,
  kEpochReused,
  kTornBatch,
  kAppendTime,
  kDivergence,
  kNoProgress,
};
constexpr size_t kAnomalyKinds =
    static_cast<size_t>(AnomalyKind::kNoProgress) + 1;

// E.g. "lost-write".
const char* NameOf(AnomalyKind kind);

struct Anomaly {
  AnomalyKind kind = AnomalyKind::kLostWrite;
  std::string partition;      // empty: it is about no single one
  std::string text;           // what is wrong, with the facts that show it
  std::vector<size_t> lines;  // of the history, that show it
  std::vector<uint64_t> offsets;
  std::vector<std::string> values;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_ANOMALY_H_
