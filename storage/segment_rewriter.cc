#include "storage/segment_rewriter.h"

#include <algorithm>
#include <vector>

#include "storage/sealed_folder_writer.h"

namespace kappa::storage {
namespace {

// A cursor keeps every block that it passed, so it goes no further than this.
constexpr size_t kCursorBytesMax = size_t{8} << 20;

absl::Status CopyRange(const SealedSegment& from, const SegmentRange& range,
                       SealedFolderWriter* to) {
  absl::Status status = to->BeginRange(range);
  const LogIndex last = range.end.Previous();
  LogIndex next = range.first;
  while (status.ok() && next <= last) {
    SealedCursor cursor =
        from.Scan(range.key_replica, next, last, ReadClass::kReplay);
    if (!cursor.Valid()) return cursor.status();
    size_t bytes = 0;
    for (; cursor.Valid() && status.ok() && bytes < kCursorBytesMax;
         cursor.Next()) {
      status = to->Add(cursor.index(), cursor.value());
      bytes += cursor.value().size();
      next = cursor.index().Next();
    }
    if (status.ok()) status = cursor.status();
  }
  return status;
}

}  // namespace

std::optional<SegmentNumber> DeadestSegment(
    absl::Span<const SegmentUsage> usage) {
  std::optional<SegmentNumber> deadest;
  double share_max = kDeadShareMax;
  for (const SegmentUsage& one : usage) {
    // A segment whose entries have all gone with earlier rewrites has no bytes.
    if (one.bytes == 0) continue;
    const double share =
        static_cast<double>(one.dead_bytes()) / static_cast<double>(one.bytes);
    if (share > share_max) {
      share_max = share;
      deadest = one.segment;
    }
  }
  return deadest;
}

absl::StatusOr<SealedRow> SegmentRewriter::Rewrite(
    const SealedSegment& segment,
    absl::Span<const SegmentRange> visible) const {
  auto writer = SealedFolderWriter::Create(options_, segment.number(),
                                           segment.generation() + 1);
  if (!writer.ok()) return writer.status();
  std::vector<SegmentRange> ranges(visible.begin(), visible.end());
  std::sort(ranges.begin(), ranges.end(),
            [](const SegmentRange& a, const SegmentRange& b) {
              return a.key_replica < b.key_replica;
            });
  for (const SegmentRange& range : ranges) {
    const absl::Status status = CopyRange(segment, range, writer->get());
    if (!status.ok()) return status;
  }
  return (*writer)->Finish();
}

}  // namespace kappa::storage
