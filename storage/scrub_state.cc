#include "storage/scrub_state.h"

#include <utility>

#include "storage/file_bytes.h"
#include "storage/row_format.h"

namespace kappa::storage {
namespace {

constexpr size_t kPieceBytes = size_t{64} << 10;

}  // namespace

void WriteScrubRanges(const std::vector<ScrubRange>& ranges, RowWriter* row) {
  row->Number32(static_cast<uint32_t>(ranges.size()));
  for (const ScrubRange& range : ranges) {
    row->Number(range.replica.value());
    row->Number(range.group.value());
    row->Number(range.first.value());
    row->Number(range.last.value());
    row->Bytes(range.what);
  }
}

std::vector<ScrubRange> ReadScrubRanges(RowReader* row) {
  std::vector<ScrubRange> ranges;
  const uint32_t count = row->Number32();
  for (uint32_t i = 0; i < count && row->good(); ++i) {
    ScrubRange range;
    range.replica = ReplicaNumber(row->Number());
    range.group = GroupId(row->Number());
    range.first = LogIndex(row->Number());
    range.last = LogIndex(row->Number());
    range.what = std::string(row->Bytes());
    ranges.push_back(std::move(range));
  }
  return ranges;
}

std::string EncodeScrubState(const ScrubState& state) {
  RowWriter row;
  row.Number(state.pass);
  row.Byte(state.running ? 1 : 0);
  row.Number(static_cast<uint64_t>(state.begin_time_us));
  row.Number(static_cast<uint64_t>(state.end_time_us));
  row.Number(state.replica.value());
  row.Number(state.index.value());
  row.Number(state.entries);
  row.Number(state.payload_bytes);
  row.Number(state.damaged_entries);
  WriteScrubRanges(state.damage, &row);
  return std::move(row).Finish();
}

absl::StatusOr<ScrubState> DecodeScrubState(std::string_view bytes) {
  RowReader row(bytes);
  ScrubState state;
  state.pass = row.Number();
  state.running = row.Byte() != 0;
  state.begin_time_us = static_cast<int64_t>(row.Number());
  state.end_time_us = static_cast<int64_t>(row.Number());
  state.replica = ReplicaNumber(row.Number());
  state.index = LogIndex(row.Number());
  state.entries = row.Number();
  state.payload_bytes = row.Number();
  state.damaged_entries = row.Number();
  state.damage = ReadScrubRanges(&row);
  if (!row.Finish()) return absl::DataLossError("the scrub's state is damaged");
  return state;
}

ScrubState LoadScrubState(const std::string& path) {
  std::string bytes;
  const absl::Status read = ReadFileInPieces(
      path, kPieceBytes,
      [&bytes](std::string_view piece) { bytes.append(piece); });
  if (!read.ok()) return ScrubState();
  absl::StatusOr<ScrubState> state = DecodeScrubState(bytes);
  return state.ok() ? *std::move(state) : ScrubState();
}

}  // namespace kappa::storage
