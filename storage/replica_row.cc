#include "storage/replica_row.h"

#include <utility>

#include "absl/status/status.h"
#include "storage/row_format.h"

namespace kappa::storage {

std::string EncodeReplicaRow(const ReplicaRow& row) {
  RowWriter out(RowFormatFor(row.spec.configuration));
  out.Byte(row.dropped ? 1 : 0);
  out.Number(row.spec.group.value());
  out.Replica(row.spec.self);
  out.Configuration(row.spec.configuration);
  out.DigestField(row.spec.chain_start);
  return std::move(out).Finish();
}

absl::StatusOr<ReplicaRow> DecodeReplicaRow(std::string_view bytes) {
  RowReader in(bytes);
  ReplicaRow row;
  row.dropped = in.Byte() != 0;
  row.spec.group = GroupId(in.Number());
  row.spec.self = in.Replica();
  row.spec.configuration = in.Configuration();
  row.spec.chain_start = in.DigestField();
  if (!in.Finish()) return absl::DataLossError("replica row is damaged");
  return row;
}

}  // namespace kappa::storage
