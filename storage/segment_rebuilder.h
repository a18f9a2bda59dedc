// SegmentRebuilder: writes a segment that has damaged entries anew, with those
// that were repaired in their places (RELIABILITY.md S7).
//
//   3-0/  000001.sst  000002.sst (damaged)  000003.sst
//   3-1/  linked      written anew          linked
//
// The owner commits the row that comes out, which is the swap; a crash before
// leaves the old folder in use, one after it the new one.
#ifndef KAPPA_STORAGE_SEGMENT_REBUILDER_H_
#define KAPPA_STORAGE_SEGMENT_REBUILDER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "storage/entry_reader.h"
#include "storage/log_store.h"
#include "storage/repaired_entries.h"
#include "storage/sealed_row.h"
#include "storage/sealer_options.h"
#include "storage/segment_directory.h"

namespace kappa::storage {

// Every entry that is written has been audited: index, term, offset, chain,
// CRC32C and SHA-256.
//
// Thread safety: as Sealer.
class SegmentRebuilder {
 public:
  // `entries` gives what was repaired, and must outlive the rebuilder.
  SegmentRebuilder(SealerOptions options, const EntryReader* entries)
      : options_(std::move(options)), entries_(entries) {}

  // Writes everything that `visible` (SegmentDirectory::VisibleIn) names into a
  // folder of that generation, synced on return. Errors: DATA_LOSS: an entry is
  // damaged, and not repaired; else as for Sealer::Seal.
  absl::StatusOr<SealedRow> WriteAll(
      SegmentNumber segment, uint32_t generation,
      absl::Span<const SegmentRange> visible) const;
  // Makes the next generation of a sealed segment: the files that hold one of
  // `repaired` are written anew, the others linked. A segment of linked files
  // is written as a whole. Errors: as WriteAll.
  absl::StatusOr<SealedRow> Rebuild(
      const SealedRow& row, absl::Span<const SegmentRange> visible,
      absl::Span<const RepairedEntry> repaired) const;

 private:
  // Is given each entry's value, in order.
  using Sink = absl::FunctionRef<absl::Status(LogIndex, std::string_view)>;

  // Audits [first, last] of the replica and gives it to `sink`.
  absl::Status Copy(ReplicaNumber replica, LogIndex first, LogIndex last,
                    Sink sink) const;
  // Writes the file at `place` of the row anew, into `folder`.
  absl::StatusOr<SealedFile> RewriteFile(const SealedRow& row, size_t place,
                                         absl::Span<const SegmentRange> visible,
                                         const std::string& folder) const;

  const SealerOptions options_;
  const EntryReader* const entries_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SEGMENT_REBUILDER_H_
