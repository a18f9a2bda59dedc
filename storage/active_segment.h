// FindActiveSegment: which live segment is written to after an open.
#ifndef KAPPA_STORAGE_ACTIVE_SEGMENT_H_
#define KAPPA_STORAGE_ACTIVE_SEGMENT_H_

#include <vector>

#include "proto/wire/types.h"
#include "storage/recovered_state.h"

namespace kappa::storage {

// The live segment that entries go to: the highest one with a row, since the
// first entry of a segment comes with one; else the lowest above everything
// sealed (a family below may be left of a seal that met damage).
// Requires: `live`, rising, is not empty.
SegmentNumber FindActiveSegment(const RecoveredState& state,
                                const std::vector<SegmentNumber>& live);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_ACTIVE_SEGMENT_H_
