#include "server/rpc/byte_buffers.h"

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/slice.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

using Slices = std::vector<grpc::Slice>;

// A slice that takes over `text`.
grpc::Slice OwnedSlice(std::string text) {
  if (text.size() <= kCopiedBytesMax) {
    return grpc::Slice(text.data(), text.size());
  }
  auto* owner = new std::string(std::move(text));
  return grpc::Slice(
      owner->data(), owner->size(),
      [](void* user_data) { delete static_cast<std::string*>(user_data); },
      owner);
}

// A slice that refers to `piece`, which `owner` keeps alive.
grpc::Slice SharedSlice(std::string_view piece,
                        const std::shared_ptr<const void>& owner) {
  auto* kept = new std::shared_ptr<const void>(owner);
  return grpc::Slice(
      const_cast<char*>(piece.data()), piece.size(),
      [](void* user_data) {
        delete static_cast<std::shared_ptr<const void>*>(user_data);
      },
      kept);
}

}  // namespace

Payload PayloadOf(const grpc::ByteBuffer& buffer) {
  auto slices = std::make_shared<Slices>();
  if (!buffer.Dump(slices.get()).ok()) return Payload();
  // Sized at once: growing it makes GCC 12 warn about Abseil's own storage.
  Payload::Pieces pieces(slices->size());
  for (size_t i = 0; i < slices->size(); ++i) {
    const grpc::Slice& slice = (*slices)[i];
    pieces[i] = std::string_view(reinterpret_cast<const char*>(slice.begin()),
                                 slice.size());
  }
  return Payload(std::move(pieces), std::move(slices));
}

grpc::ByteBuffer ByteBufferOf(WireMessage message) {
  Slices slices;
  for (WireMessage::Part& part : message.TakeParts()) {
    if (!part.text.empty()) slices.push_back(OwnedSlice(std::move(part.text)));
    for (std::string_view piece : part.payload.pieces()) {
      if (piece.empty()) continue;
      slices.push_back(SharedSlice(piece, part.payload.owner()));
    }
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

grpc::ByteBuffer ByteBufferOf(const google::protobuf::MessageLite& message) {
  return ByteBufferOf(message.SerializeAsString());
}

grpc::ByteBuffer ByteBufferOf(std::string bytes) {
  grpc::Slice slice = OwnedSlice(std::move(bytes));
  return grpc::ByteBuffer(&slice, 1);
}

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::string bytes;
  Slices slices;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

bool ParseMessage(const grpc::ByteBuffer& buffer,
                  google::protobuf::MessageLite* message) {
  grpc::ByteBuffer copy(buffer);  // by reference; the reader wants it mutable
  if (!copy.Valid()) return message->ParseFromString("");
  grpc::ProtoBufferReader reader(&copy);
  return reader.status().ok() && message->ParseFromZeroCopyStream(&reader);
}

absl::Status ParseRequest(const grpc::ByteBuffer& buffer,
                          google::protobuf::Message* request) {
  const std::string& name = request->GetDescriptor()->full_name();
  const size_t bytes = buffer.Valid() ? buffer.Length() : 0;
  if (bytes > kRequestBytesMax) {
    return MakeError(
        v1::ERROR_REASON_LIMIT_EXCEEDED,
        ToStd(absl::StrCat("limit request_bytes_max ", kRequestBytesMax, ": ",
                           name, " has ", bytes)),
        {{"limit", "request_bytes_max"},
         {"max", absl::StrCat(kRequestBytesMax)},
         {"value", absl::StrCat(bytes)}});
  }
  if (ParseMessage(buffer, request)) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_MALFORMED_REQUEST,
                   ToStd(absl::StrCat("not a valid ", name)));
}

}  // namespace kappa::server
