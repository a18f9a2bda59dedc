// ReplayMessage: kappa.v1.ReplayResponse, with its payloads by reference.
#ifndef KAPPA_CLIENT_CPP_REPLAY_MESSAGE_H_
#define KAPPA_CLIENT_CPP_REPLAY_MESSAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "kappa/v1/log_service.pb.h"
#include "proto/wire/codec.h"
#include "proto/wire/payload.h"

namespace kappa::client {

// kappa.v1.DeliveredBatch.
struct DeliveredBatchView {
  uint64_t base_offset = 0;
  uint32_t record_count = 0;
  int64_t append_time_us = 0;
  Codec codec = Codec::kNone;
  uint32_t payload_crc32c = 0;
  // Shares the received buffer.
  Payload payload;
  std::vector<uint32_t> offset_deltas;
  uint32_t first_record = 0;
  uint32_t last_record = 0;
};

struct ReplayMessage {
  std::string topic_uuid;
  std::vector<DeliveredBatchView> batches;
  uint64_t next_offset = 0;
  uint64_t end_offset = 0;
  v1::ReplayProgress progress = v1::REPLAY_PROGRESS_UNSPECIFIED;
  bool heartbeat = false;
  std::optional<v1::Gap> gap;
};

// Parses by walking over the wire format; copies no payload.
// Errors: DATA_LOSS: malformed.
absl::StatusOr<ReplayMessage> ParseReplayMessage(
    const grpc::ByteBuffer& buffer);

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_REPLAY_MESSAGE_H_
