#include "storage/group_row.h"

#include <utility>

#include "absl/status/status.h"
#include "storage/row_format.h"

namespace kappa::storage {
namespace {

void WriteEntryId(const raft::EntryId& id, RowWriter* out) {
  out->Number(id.term.value());
  out->Number(id.index.value());
}

raft::EntryId ReadEntryId(RowReader* in) {
  raft::EntryId id;
  id.term = Term(in->Number());
  id.index = LogIndex(in->Number());
  return id;
}

}  // namespace

std::string EncodeGroupRow(const ReplicaPosition& position) {
  const bool extended = position.base.state_bytes != 0;
  RowWriter out(extended ? kRowFormatVersionExtended
                         : RowFormatFor(position.base.configuration));
  const raft::HardState& hard_state = position.hard_state;
  out.Number(hard_state.term.value());
  out.Byte(hard_state.vote.has_value() ? 1 : 0);
  if (hard_state.vote.has_value()) out.Replica(*hard_state.vote);
  WriteEntryId(position.base.id, &out);
  out.Number(position.base.offset.value());
  out.DigestField(position.base.chain);
  out.Number(static_cast<uint64_t>(position.base.append_time_us));
  out.Configuration(position.base.configuration);
  WriteEntryId(position.last, &out);
  out.Number(position.end_offset.value());
  out.DigestField(position.chain);
  out.Number(static_cast<uint64_t>(position.last_append_time_us));
  if (out.extended()) out.Number(position.base.state_bytes);
  return std::move(out).Finish();
}

absl::StatusOr<ReplicaPosition> DecodeGroupRow(std::string_view bytes) {
  RowReader in(bytes);
  ReplicaPosition position;
  position.hard_state.term = Term(in.Number());
  if (in.Byte() != 0) position.hard_state.vote = in.Replica();
  position.base.id = ReadEntryId(&in);
  position.base.offset = Offset(in.Number());
  position.base.chain = in.DigestField();
  position.base.append_time_us = static_cast<int64_t>(in.Number());
  position.base.configuration = in.Configuration();
  position.last = ReadEntryId(&in);
  position.end_offset = Offset(in.Number());
  position.chain = in.DigestField();
  position.last_append_time_us = static_cast<int64_t>(in.Number());
  if (in.extended()) position.base.state_bytes = in.Number();
  if (!in.Finish()) return absl::DataLossError("group row is damaged");
  return position;
}

}  // namespace kappa::storage
