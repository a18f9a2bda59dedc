// Between gRPC's byte buffers and payloads, by reference.
#ifndef KAPPA_SERVER_RPC_BYTE_BUFFERS_H_
#define KAPPA_SERVER_RPC_BYTE_BUFFERS_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"
#include "proto/wire/payload.h"
#include "server/rpc/wire_message.h"

namespace kappa::server {

// Payloads up to this size are copied rather than referred to: a slice costs
// more than that copy, and a small piece would keep a whole network buffer.
inline constexpr size_t kCopiedBytesMax = 2048;

// The message's bytes; the payload keeps the buffer's slices.
Payload PayloadOf(const grpc::ByteBuffer& buffer);

// The message's bytes; the buffer keeps the owners of its payloads.
grpc::ByteBuffer ByteBufferOf(WireMessage message);

// Encodes a generated message.
grpc::ByteBuffer ByteBufferOf(const google::protobuf::MessageLite& message);

// Takes the bytes over.
grpc::ByteBuffer ByteBufferOf(std::string bytes);

// A contiguous copy.
std::string BytesOf(const grpc::ByteBuffer& buffer);

// Parses a generated message; false when the bytes are not one.
bool ParseMessage(const grpc::ByteBuffer& buffer,
                  google::protobuf::MessageLite* message);

// Every request but an append is smaller. Parsed, a message may take fifty
// times its bytes: millions of empty labels are two bytes each.
inline constexpr size_t kRequestBytesMax = size_t{256} << 10;

// Parses a request. Errors: LIMIT_EXCEEDED (request_bytes_max), before anything
// is parsed; MALFORMED_REQUEST. Both name the message.
absl::Status ParseRequest(const grpc::ByteBuffer& buffer,
                          google::protobuf::Message* request);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_BYTE_BUFFERS_H_
