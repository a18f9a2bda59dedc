// Checks a scanned batch against its topic: the last gate before the log.
#ifndef KAPPA_SERVER_RPC_BATCH_CHECK_H_
#define KAPPA_SERVER_RPC_BATCH_CHECK_H_

#include "absl/status/statusor.h"
#include "server/node.h"
#include "server/rpc/append_request_scan.h"
#include "server/topic_snapshot.h"

namespace kappa::server {

// Checks, in this order: size, codec, CRC32C (computed when the client sent
// none), inflated size, every record, the number of records. Then computes the
// SHA-256. A compressed batch is inflated once, on this thread, and the result
// dropped; nothing else is allocated in proportion to the batch, but a small
// payload is copied so that it does not keep a network buffer alive.
// Errors: INVALID_ARGUMENT: LIMIT_EXCEEDED, COMPRESSION_REFUSED,
// CHECKSUM_MISMATCH, MALFORMED_REQUEST, RECORD_COUNT_MISMATCH.
absl::StatusOr<CheckedBatch> CheckBatch(const ScannedBatch& batch,
                                        const TopicSnapshot& topic);

// An error of ScanRecordSet or Inflate ("limit NAME MAX: WHAT VALUE") as
// LIMIT_EXCEEDED with its facts, or, without that beginning, as `otherwise`.
absl::Status TranslateScanError(const absl::Status& error,
                                v1::ErrorReason otherwise);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_BATCH_CHECK_H_
