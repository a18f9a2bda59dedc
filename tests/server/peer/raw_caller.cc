#include "tests/server/peer/raw_caller.h"

#include <chrono>
#include <vector>

#include "grpcpp/create_channel.h"
#include "grpcpp/support/slice.h"

namespace kappa::server {

RawCaller::RawCaller(const std::string& address, const std::string& method)
    : stub_(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())) {
  context_.set_deadline(std::chrono::system_clock::now() +
                        std::chrono::seconds(20));
  stream_ = stub_.PrepareCall(&context_, method, &queue_);
  stream_->StartCall(this);
  Wait();
}

RawCaller::~RawCaller() {
  context_.TryCancel();
  queue_.Shutdown();
  void* tag;
  bool ok;
  while (queue_.Next(&tag, &ok)) {
  }
}

bool RawCaller::Wait() {
  void* tag;
  bool ok = false;
  return queue_.Next(&tag, &ok) && ok;
}

bool RawCaller::Send(const std::string& bytes) {
  grpc::Slice slice(bytes);
  stream_->Write(grpc::ByteBuffer(&slice, 1), this);
  return Wait();
}

bool RawCaller::Receive(std::string* bytes) {
  grpc::ByteBuffer buffer;
  stream_->Read(&buffer, this);
  if (!Wait()) return false;
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return false;
  bytes->clear();
  for (const grpc::Slice& slice : slices) {
    bytes->append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return true;
}

grpc::Status RawCaller::Finish() {
  std::string rest;
  while (Receive(&rest)) {
  }
  grpc::Status status;
  stream_->Finish(&status, this);
  Wait();
  return status;
}

}  // namespace kappa::server
