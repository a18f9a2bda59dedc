// A stored record as one line of JSON, as `kappa replay -o jsonl` prints it.
#ifndef KAPPA_SERVER_TOOLS_RECORD_LINE_H_
#define KAPPA_SERVER_TOOLS_RECORD_LINE_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "proto/wire/record_set.h"
#include "proto/wire/types.h"
#include "storage/log_store.h"

namespace kappa::server {

// Without the newline. Bytes that are no UTF-8 go as "NAME_base64".
std::string RecordLine(uint32_t partition, Offset offset,
                       int64_t append_time_us, const RecordView& record);

// Visits the records of a stored batch, inflated, with their offsets.
// Errors: DATA_LOSS: the bytes are no record set (they are as they were
// stored: their checksums were right).
absl::Status VisitRecords(
    const storage::StoredEntry& entry,
    absl::FunctionRef<void(Offset offset, const RecordView& record)> visit);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOOLS_RECORD_LINE_H_
