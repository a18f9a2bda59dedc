// Sealing by hard links: the flushed files of a segment become its sealed files
// as they are; what is not flushed becomes the last one.
#ifndef KAPPA_STORAGE_LINKED_FILES_H_
#define KAPPA_STORAGE_LINKED_FILES_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "rocksdb/db.h"
#include "storage/sealed_row.h"
#include "storage/sealer_options.h"
#include "storage/segment_directory.h"

namespace kappa::storage {

// Mean size of what one flushed file of the family holds of one of `replicas`
// replicas; 0 when nothing was flushed.
// Requires: replicas > 0.
uint64_t MeanRunBytes(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family,
                      size_t replicas);

// Links the family's files, in the order of their flushes, into the segment's
// folder, and writes what stands in memory into a file behind them; synced on
// return. The family is not flushed: the one thread that flushes would have the
// active segment wait, and with it the appends. Which indexes of which replica
// a file holds goes into SealedRow::runs. Errors as for Sealer::Seal.
absl::StatusOr<SealedRow> LinkFlushedFiles(
    const SealerOptions& options, rocksdb::DB* db,
    rocksdb::ColumnFamilyHandle* family, SegmentNumber segment,
    absl::Span<const SegmentRange> visible);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_LINKED_FILES_H_
