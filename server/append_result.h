// Between what an append says and what the log stores of it.
#ifndef KAPPA_SERVER_APPEND_RESULT_H_
#define KAPPA_SERVER_APPEND_RESULT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/v1/log_service.pb.h"
#include "proto/wire/types.h"
#include "server/node.h"
#include "storage/entry_header.h"
#include "storage/producer_table.h"

namespace kappa::server {

// Requires: the id has 16 bytes.
storage::ProducerStamp StampOf(const v1::ProducerSequence& producer);

// The header of a batch that has no place in the log yet.
storage::EntryHeader HeaderOf(const AppendCommand& command);

AppendResult ResultOf(const storage::EntryHeader& header);

// The first result of a repeated sequence, which stands at `stored`.
// Errors: SEQUENCE_REUSED: it was stored with other bytes.
absl::StatusOr<AppendResult> DuplicateResult(const storage::EntryHeader& stored,
                                             const Digest& payload_sha256);

// OUTCOME_UNKNOWN for a repeated sequence that is stored but whose entry cannot
// be read now because of `cause`; a retry may be answered.
absl::Status ResultUnreadable(const absl::Status& cause);

// Why a producer's batch is refused. Requires: the verdict is a refusal.
absl::Status ProducerRefusal(const storage::ProducerVerdict& verdict,
                             const v1::ProducerSequence& producer);
absl::Status FencedError(uint64_t current_epoch, uint64_t epoch);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_APPEND_RESULT_H_
