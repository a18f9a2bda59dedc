// RecoveryRecord: what a recovery of a data directory gave up, kept in the
// directory for ever as DIR/given-up-TIME.json.
#ifndef KAPPA_SERVER_TOOLS_RECOVERY_RECORD_H_
#define KAPPA_SERVER_TOOLS_RECOVERY_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/tools/partition_names.h"
#include "storage/directory_rebuild.h"

namespace kappa::server {

struct RecoveryRecord {
  std::string time;           // UTC, "20260131T120000Z"
  std::string old_directory;  // where the old one is now
  // Why kappad refused, and what else was damaged.
  std::vector<std::string> reasons;
  std::optional<uint64_t> watermark_cycle;
  std::optional<uint64_t> recovered_cycle;
  storage::RebuildReport rebuilt;

  // Whether acknowledged cycles are gone: then any partition may have lost
  // records at its end, and nothing says how many.
  bool lost_at_end() const {
    return !watermark_cycle.has_value() || !recovered_cycle.has_value() ||
           *recovered_cycle < *watermark_cycle;
  }
  bool lost_cycles() const { return lost_at_end() || !rebuilt.hole.empty(); }
};

// The whole record, with the end of every partition.
std::string RecoveryRecordJson(const RecoveryRecord& record,
                               const PartitionNames& names);
// What a person wants to know, a few lines.
std::string RecoverySummary(const RecoveryRecord& record,
                            const PartitionNames& names);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOOLS_RECOVERY_RECORD_H_
