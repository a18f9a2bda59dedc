#include "storage/cycle_row.h"

#include <utility>

#include "absl/status/status.h"
#include "storage/row_format.h"

namespace kappa::storage {

std::string EncodeCycleRow(const CycleRow& row) {
  RowWriter out;
  out.Number(row.number);
  out.DigestField(row.digest);
  out.DigestField(row.previous);
  return std::move(out).Finish();
}

absl::StatusOr<CycleRow> DecodeCycleRow(std::string_view bytes) {
  RowReader in(bytes);
  CycleRow row;
  row.number = in.Number();
  row.digest = in.DigestField();
  row.previous = in.DigestField();
  if (!in.Finish()) return absl::DataLossError("cycle row is damaged");
  return row;
}

std::string EncodeOpenRow(const OpenRow& row) {
  RowWriter out;
  out.Number(row.open_id);
  out.Number(row.first_cycle);
  return std::move(out).Finish();
}

absl::StatusOr<OpenRow> DecodeOpenRow(std::string_view bytes) {
  RowReader in(bytes);
  OpenRow row;
  row.open_id = in.Number();
  row.first_cycle = in.Number();
  if (!in.Finish()) return absl::DataLossError("open row is damaged");
  return row;
}

std::string EncodeFloorRow(uint64_t oldest) {
  RowWriter out;
  out.Number(oldest);
  return std::move(out).Finish();
}

absl::StatusOr<uint64_t> DecodeFloorRow(std::string_view bytes) {
  RowReader in(bytes);
  const uint64_t oldest = in.Number();
  if (!in.Finish()) return absl::DataLossError("floor row is damaged");
  return oldest;
}

}  // namespace kappa::storage
