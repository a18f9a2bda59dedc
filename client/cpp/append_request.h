// EncodeAppendRequest: a batch as a message of AppendStream.
#ifndef KAPPA_CLIENT_CPP_APPEND_REQUEST_H_
#define KAPPA_CLIENT_CPP_APPEND_REQUEST_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "client/cpp/sealed_batch.h"
#include "grpcpp/support/byte_buffer.h"

namespace kappa::client {

// What surrounds a batch in kappa.v1.AppendStreamRequest.
struct AppendEnvelope {
  uint64_t correlation_id = 0;
  std::string topic;
  // 16 bytes.
  std::string topic_uuid;
  uint32_t partition = 0;
  // Empty: no producer sequence. Else 16 bytes.
  std::string producer_id;
  uint64_t epoch = 0;
  uint64_t sequence = 0;
  uint64_t previous_sequence = 0;
  uint64_t session_start_offset = 0;
};

// Serialises by hand, fields before the payload; the payload itself is
// referenced, not copied, and keeps `batch` alive.
grpc::ByteBuffer EncodeAppendRequest(const AppendEnvelope& envelope,
                                     std::shared_ptr<const SealedBatch> batch);

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_APPEND_REQUEST_H_
