// What the Raft core knows of an entry: metadata, never payload bytes.
#ifndef KAPPA_RAFT_ENTRY_H_
#define KAPPA_RAFT_ENTRY_H_

#include <cstdint>
#include <memory>

#include "proto/wire/types.h"
#include "raft/configuration.h"

namespace kappa::raft {

// What an entry carries. The numbers are stored on disk.
enum class EntryKind : uint8_t {
  kRecords = 1,        // a user's batch, or a command of an internal group
  kNoOp = 2,           // the first entry of a leader's term
  kConfiguration = 3,  // who votes; effective when appended
  kProducerFence = 4,  // raises a producer's epoch in a partition
};

// True for kinds that use up offsets.
constexpr bool UsesOffsets(EntryKind kind) {
  return kind == EntryKind::kRecords;
}

// Names an entry's content outside the core; 0 is "read it from the log".
// The owner of the core gives it in Propose and gets it back in Persist.
enum class EntryHandle : uint64_t {};

// (term, index) names an entry for ever (Raft paper §5.3, log matching).
struct EntryId {
  Term term;
  LogIndex index;
  friend constexpr auto operator<=>(const EntryId&, const EntryId&) = default;
};

struct EntryMeta {
  EntryId id;
  EntryKind kind = EntryKind::kNoOp;
  uint32_t record_count = 0;
  uint64_t payload_bytes = 0;
  EntryHandle handle{};
  // Set exactly if `kind` is kConfiguration.
  std::shared_ptr<const Configuration> configuration;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_ENTRY_H_
