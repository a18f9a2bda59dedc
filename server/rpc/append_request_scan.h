// Reads an AppendRequest or AppendStreamRequest off its wire format, without
// copying the payload and without making objects of its records.
#ifndef KAPPA_SERVER_RPC_APPEND_REQUEST_SCAN_H_
#define KAPPA_SERVER_RPC_APPEND_REQUEST_SCAN_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "kappa/v1/log_service.pb.h"
#include "proto/wire/payload.h"

namespace kappa::server {

// A kappa.v1.Batch; nothing about its payload was checked.
struct ScannedBatch {
  Payload payload;  // shares the message's owner
  // In which of the two fields the payload came.
  bool in_compressed_field = false;
  // The number of a kappa.v1.Compression, or any other number.
  uint64_t compression = 0;
  uint32_t record_count = 0;
  std::optional<uint32_t> payload_crc32c;
};

// A kappa.v1.AppendRequest.
struct ScannedAppend {
  std::string topic;
  std::string topic_uuid;  // empty or 16 bytes
  uint32_t partition = 0;
  ScannedBatch batch;
  std::optional<v1::ProducerSequence> producer;
  std::optional<uint64_t> expected_offset;
};

// A kappa.v1.AppendStreamRequest; `append` is the bytes of its AppendRequest.
struct ScannedStreamAppend {
  uint64_t correlation_id = 0;
  Payload append;
};

// Stricter than a protobuf parser in what is never an accident: a field with
// the wrong wire type, a field that comes twice, a number that does not fit its
// type, and both or neither payload are refused. Unknown fields are passed
// over, as every parser does. The values of a producer are the node's to check.
// Errors: INVALID_ARGUMENT: MALFORMED_REQUEST naming the field;
// LIMIT_EXCEEDED for a topic's name or a producer's state that is too long.
absl::StatusOr<ScannedAppend> ScanAppendRequest(const Payload& message);

// The same for the frame of a stream; the append inside is not looked at.
absl::StatusOr<ScannedStreamAppend> ScanAppendStreamRequest(
    const Payload& message);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_APPEND_REQUEST_SCAN_H_
