// Finds damage in RocksDB's OPTIONS files, which carry no checksum: they must
// say what this build would write. kappad never reads them, so whatever they
// say changes nothing.
#ifndef KAPPA_STORAGE_OPTIONS_FILE_CHECK_H_
#define KAPPA_STORAGE_OPTIONS_FILE_CHECK_H_

#include <string>
#include <vector>

#include "storage/check_report.h"

namespace kappa::storage {

// Checks the newest OPTIONS file of the database `path`/db. Not seen: another
// digit in one of the few numbers that are settings of the server.
std::vector<Finding> CheckOptionsFile(const std::string& path);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_OPTIONS_FILE_CHECK_H_
