// GenerationTable: how far the disks of other nodes are known to have come.
#ifndef KAPPA_RAFT_GENERATION_TABLE_H_
#define KAPPA_RAFT_GENERATION_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proto/wire/types.h"
#include "raft/message.h"

namespace kappa::raft {

// The evidence that one node keeps about the others' data directories
// (RELIABILITY.md S6): for each disk and each open of it the highest durable
// cycle ever heard of, in a vote, an acknowledgement or gossip. A disk that has
// forgotten some of that is told so by whoever holds the evidence; it judges
// itself by its OpenHistory.
//
// Invariant: at most kOpensMax opens a disk, the ones heard of last; cycles of
// one open only grow.
// Thread safety: thread-compatible.
class GenerationTable {
 public:
  static constexpr size_t kOpensMax = 16;

  // A disk stood at `generation` when it sent something. Returns true if that
  // is news, which the owner then stores in its ordinary cycle. An older cycle,
  // or no generation (open id 0), changes nothing.
  bool Record(const Uuid& disk, const Generation& generation);

  // What is known about a disk, the open heard of last at the end; empty for
  // an unknown one.
  std::vector<Generation> EvidenceAbout(const Uuid& disk) const;

  friend bool operator==(const GenerationTable&,
                         const GenerationTable&) = default;

 private:
  struct DiskEvidence {
    Uuid disk;
    std::vector<Generation> opens;  // the newest last
    friend bool operator==(const DiskEvidence&, const DiskEvidence&) = default;
  };

  std::vector<DiskEvidence> disks_;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_GENERATION_TABLE_H_
