// The raw gRPC stream: what the network face could reach if it did nothing.
#ifndef KAPPA_TESTS_PERFORMANCE_GRPC_STREAM_LIMIT_H_
#define KAPPA_TESTS_PERFORMANCE_GRPC_STREAM_LIMIT_H_

#include <sys/types.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace kappa::performance {

// A process that sinks and sources messages of 64 KiB, and the client of it:
// the generic callback API, raw byte buffers, one bidirectional stream over
// loopback. The process ends with this object, and with the parent.
//
// Thread safety: thread-compatible.
class GrpcStreamLimit {
 public:
  // Requires: gRPC was not used in this process, which has one thread.
  // Errors: UNAVAILABLE: no process, or it does not serve.
  static absl::StatusOr<std::unique_ptr<GrpcStreamLimit>> Start();
  ~GrpcStreamLimit();
  GrpcStreamLimit(const GrpcStreamLimit&) = delete;
  GrpcStreamLimit& operator=(const GrpcStreamLimit&) = delete;

  // 10^6 bytes of messages a second from client to server, as an append does;
  // all of them had arrived when the clock stopped.
  absl::StatusOr<double> MeasureToServer(absl::Duration duration) const;
  // From server to client, as a replay does.
  absl::StatusOr<double> MeasureToClient(absl::Duration duration) const;
  // Messages of 1 KiB on one stream, each sent when the one before came back.
  // Returns the median, in milliseconds.
  absl::StatusOr<double> MeasureRoundTrip(absl::Duration duration) const;
  // The process that serves.
  pid_t server() const { return server_; }

 private:
  GrpcStreamLimit(pid_t server, int stop, int port)
      : server_(server), stop_(stop), port_(port) {}

  const pid_t server_;
  const int stop_;  // the server ends when this pipe closes
  const int port_;
};

}  // namespace kappa::performance

#endif  // KAPPA_TESTS_PERFORMANCE_GRPC_STREAM_LIMIT_H_
