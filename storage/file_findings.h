// What can be said of a data directory's files without opening its database.
#ifndef KAPPA_STORAGE_FILE_FINDINGS_H_
#define KAPPA_STORAGE_FILE_FINDINGS_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "storage/check_report.h"

namespace kappa::storage {

// Damage to the watermark of the data directory `path`: its slots, its size,
// and bytes in it that mean nothing.
std::vector<Finding> CheckWatermarkFile(const std::string& path);

struct RecordFileFindings {
  std::vector<Finding> findings;
  // The newest log ends within an item; only told where that is no finding.
  bool torn_tail = false;
};

// Damage to CURRENT, the manifests and the write-ahead logs in the database
// `path`/db, read byte by byte. Whether a file matters is not known here: every
// finding gets `severity`. With kHarmless nothing is gone, and what a crash
// leaves is no finding: zeros at a log's end, which are prepared for its next
// records, and an unfinished item at the end of the newest log. Told of the
// size of each file that was read.
// Does not see: a log that was cut between two records, or deleted.
RecordFileFindings CheckRecordFiles(
    const std::string& path, Severity severity,
    absl::FunctionRef<void(uint64_t bytes)> on_file);

// The same as one line for a person, "db/000007.log: zeros instead of records
// at byte 65536; ..."; "" when there is nothing to tell.
std::string DescribeRecordFileDamage(const std::string& path);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_FILE_FINDINGS_H_
