// Sealing by hard links: the flushed files of a segment become its sealed files
// as they are.
#ifndef KAPPA_STORAGE_LINKED_FILES_H_
#define KAPPA_STORAGE_LINKED_FILES_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "rocksdb/db.h"
#include "storage/sealed_folder_writer.h"
#include "storage/sealed_row.h"
#include "storage/segment_directory.h"

namespace kappa::storage {

// Mean size of what one flushed file of the family holds of one of `replicas`
// replicas; 0 when nothing was flushed.
// Requires: replicas > 0.
uint64_t MeanRunBytes(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family,
                      size_t replicas);

// Flushes the family and links its files, in the order of their flushes, into
// the segment's folder; synced on return. Which indexes of which replica a file
// holds goes into SealedRow::runs. Errors as for Sealer::Seal.
absl::StatusOr<SealedRow> LinkFlushedFiles(
    const SealerOptions& options, rocksdb::DB* db,
    rocksdb::ColumnFamilyHandle* family, SegmentNumber segment,
    absl::Span<const SegmentRange> visible);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_LINKED_FILES_H_
