#include "storage/active_segment.h"

#include <algorithm>

namespace kappa::storage {

SegmentNumber FindActiveSegment(const RecoveredState& state,
                                const std::vector<SegmentNumber>& live) {
  const SegmentNumber sealed =
      state.sealed.empty() ? SegmentNumber() : state.sealed.back().segment;
  const auto above = std::find_if(
      live.begin(), live.end(),
      [sealed](SegmentNumber segment) { return segment > sealed; });
  SegmentNumber active = above == live.end() ? live.back() : *above;
  for (const auto& [key, row] : state.directory) {
    active = std::max(active, key.first);
  }
  return active;
}

}  // namespace kappa::storage
