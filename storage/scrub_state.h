// ScrubState: how far the scrub of a directory is, and what it found; kept in
// DIR/scrub so that a restart goes on where the last run stopped.
#ifndef KAPPA_STORAGE_SCRUB_STATE_H_
#define KAPPA_STORAGE_SCRUB_STATE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "storage/row_format.h"

namespace kappa::storage {

// Damage beyond this is counted, but not named.
inline constexpr size_t kScrubRangesMax = 1000;

struct ScrubRange {
  ReplicaNumber replica;
  GroupId group;
  LogIndex first;  // both inclusive
  LogIndex last;
  std::string what;
  friend bool operator==(const ScrubRange&, const ScrubRange&) = default;
};

// All times are microseconds since 1970-01-01T00:00:00Z; 0: never.
struct ScrubState {
  uint64_t pass = 0;  // number of the pass that runs, or of the last one
  bool running = false;
  int64_t begin_time_us = 0;  // of that pass
  int64_t end_time_us = 0;    // of the last whole pass
  // The next entry to read.
  ReplicaNumber replica;
  LogIndex index;
  // Of that pass.
  uint64_t entries = 0;
  uint64_t payload_bytes = 0;
  uint64_t damaged_entries = 0;
  std::vector<ScrubRange> damage;  // at most kScrubRangesMax
  friend bool operator==(const ScrubState&, const ScrubState&) = default;
};

// Ranges as part of a row.
void WriteScrubRanges(const std::vector<ScrubRange>& ranges, RowWriter* row);
std::vector<ScrubRange> ReadScrubRanges(RowReader* row);

std::string EncodeScrubState(const ScrubState& state);
// Errors: DATA_LOSS: damaged.
absl::StatusOr<ScrubState> DecodeScrubState(std::string_view bytes);

// Reads the file. A missing or damaged one is a state of nothing done: the
// scrub begins anew.
ScrubState LoadScrubState(const std::string& path);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_SCRUB_STATE_H_
