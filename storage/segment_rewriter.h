// SegmentRewriter: writes a sealed segment anew without its dead entries.
//
// The owner picks a segment, calls Rewrite, commits the row it returns (or
// deletes the segment's row when it names no files), puts it into the
// directory, swaps the SealedSegment and calls RemoveFilesAtEnd on the old one.
#ifndef KAPPA_STORAGE_SEGMENT_REWRITER_H_
#define KAPPA_STORAGE_SEGMENT_REWRITER_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "storage/sealed_row.h"
#include "storage/sealed_segment.h"
#include "storage/sealer.h"
#include "storage/segment_directory.h"

namespace kappa::storage {

// A segment is worth rewriting when more than this share of it is dead.
inline constexpr double kDeadShareMax = 0.1;

// The segment with the largest dead share, if that is above kDeadShareMax.
std::optional<SegmentNumber> DeadestSegment(
    absl::Span<const SegmentUsage> usage);

// Thread safety: as Sealer.
class SegmentRewriter {
 public:
  explicit SegmentRewriter(SealerOptions options)
      : options_(std::move(options)) {}

  // Copies what `visible` (SegmentDirectory::VisibleIn) names into a folder of
  // the next generation, synced on return. Errors as for Sealer::Seal.
  absl::StatusOr<SealedRow> Rewrite(
      const SealedSegment& segment,
      absl::Span<const SegmentRange> visible) const;

 private:
  const SealerOptions options_;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SEGMENT_REWRITER_H_
