// RawCaller: a stream to a node's port that says whatever a test wants.
#ifndef KAPPA_TESTS_SERVER_PEER_RAW_CALLER_H_
#define KAPPA_TESTS_SERVER_PEER_RAW_CALLER_H_

#include <memory>
#include <string>

#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"

namespace kappa::server {

// Thread safety: thread-compatible. Every step waits, with a deadline of 20 s
// for all together.
class RawCaller {
 public:
  explicit RawCaller(
      const std::string& address,
      const std::string& method = "/kappa.raft.v1.PeerService/Connect");
  ~RawCaller();

  // Sends one gRPC message; false when the stream has ended.
  bool Send(const std::string& bytes);
  // Receives one; false when the stream has ended.
  bool Receive(std::string* bytes);
  // How the stream ended; receives to the end first.
  grpc::Status Finish();

 private:
  bool Wait();

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  grpc::GenericStub stub_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_PEER_RAW_CALLER_H_
