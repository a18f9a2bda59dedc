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

// Damage to CURRENT, the manifests and the write-ahead logs in the database
// `path`/db, read byte by byte. Whether a file matters is not known here: every
// finding gets `severity`, and zeros at a log's end are one unless `severity` is
// kHarmless. Told of the size of each file that was read.
// Does not see: a log that was cut between two records, or deleted.
std::vector<Finding> CheckRecordFiles(
    const std::string& path, Severity severity,
    absl::FunctionRef<void(uint64_t bytes)> on_file);

// The same as one line for a person, "db/000007.log: zeros instead of records
// at byte 65536; ..."; "" when there is nothing to tell.
std::string DescribeRecordFileDamage(const std::string& path);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_FILE_FINDINGS_H_
