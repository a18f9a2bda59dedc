// FakeServer: a gRPC server over a FakeLog that misbehaves on demand.
#ifndef KAPPA_TESTS_CLIENT_FAKE_SERVER_H_
#define KAPPA_TESTS_CLIENT_FAKE_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "grpcpp/server.h"
#include "kappa/v1/log_service.grpc.pb.h"
#include "kappa/v1/topic_service.grpc.pb.h"
#include "proto/wire/mutex.h"
#include "tests/client/fake_log.h"

namespace kappa::tests {

// What happens to one append instead of the usual.
struct AppendFault {
  enum class Kind {
    kNone,
    // The stream ends without storing or answering.
    kBreakBefore,
    // The batch is stored, then the stream ends without an answer.
    kBreakAfter,
    // Answered with `refusal`; not stored.
    kRefuse,
    // Stored, but answered with `refusal`.
    kRefuseAfter,
  };
  Kind kind = Kind::kNone;
  v1::Status refusal = {};
};

// Thread safety: thread-safe, except Start and Stop.
class FakeServer {
 public:
  // Both are called without locks, on a thread of the server.
  using AppendHook = std::function<AppendFault(const v1::AppendRequest&)>;
  // May change the message; false ends the stream (UNAVAILABLE) instead.
  using ReplayHook = std::function<bool(v1::ReplayResponse*)>;
  // An error answers any unary call instead.
  using CallHook = std::function<grpc::Status(const std::string& method)>;

  // Starts on a free port. `log` must outlive it.
  explicit FakeServer(FakeLog* log);
  ~FakeServer();

  // Ends all calls at once; Start listens on the same port again.
  void Stop();
  void Start();

  const std::string& address() const { return address_; }

  void SetAppendHook(AppendHook hook);
  void SetReplayHook(ReplayHook hook);
  void SetCallHook(CallHook hook);
  // While held, appends are stored but not answered.
  void HoldAnswers(bool hold);
  // While muted, replays send neither heartbeats nor anything else.
  void MuteReplays(bool mute);

  // Appends received, refused ones included.
  uint64_t append_requests();
  // Streams of AppendStream and Replay opened so far.
  uint64_t streams();
  // Waits until `condition`, looked at whenever a counter above changes. False
  // after `timeout`.
  bool WaitUntil(const std::function<bool()>& condition,
                 absl::Duration timeout = absl::Seconds(10));

 private:
  class LogService;
  class TopicService;
  struct State;

  const std::shared_ptr<State> state_;
  const std::unique_ptr<LogService> log_service_;
  const std::unique_ptr<TopicService> topic_service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace kappa::tests

#endif  // KAPPA_TESTS_CLIENT_FAKE_SERVER_H_
