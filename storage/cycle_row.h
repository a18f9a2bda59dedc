// CycleRow and OpenRow: the numbered chain of everything a data directory made
// durable (RELIABILITY.md S1, S3, S6).
#ifndef KAPPA_STORAGE_CYCLE_ROW_H_
#define KAPPA_STORAGE_CYCLE_ROW_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proto/wire/types.h"

namespace kappa::storage {

// Written in each cycle under the cycle's number. `digest` covers `previous`
// and every key and row of the cycle (of an entry: its header, which holds the
// payload's checksums).
struct CycleRow {
  uint64_t number = 0;
  Digest digest{};
  Digest previous{};
  friend bool operator==(const CycleRow&, const CycleRow&) = default;
};

// Written in the first cycle of each open.
struct OpenRow {
  uint64_t open_id = 0;  // random, never 0
  uint64_t first_cycle = 0;
  friend bool operator==(const OpenRow&, const OpenRow&) = default;
};

std::string EncodeCycleRow(const CycleRow& row);
// Errors: DATA_LOSS: damaged.
absl::StatusOr<CycleRow> DecodeCycleRow(std::string_view bytes);

std::string EncodeOpenRow(const OpenRow& row);
// Errors: DATA_LOSS: damaged.
absl::StatusOr<OpenRow> DecodeOpenRow(std::string_view bytes);

// The oldest cycle row that is kept.
std::string EncodeFloorRow(uint64_t oldest);
// Errors: DATA_LOSS: damaged.
absl::StatusOr<uint64_t> DecodeFloorRow(std::string_view bytes);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_CYCLE_ROW_H_
