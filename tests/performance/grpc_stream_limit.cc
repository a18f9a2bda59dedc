#include "tests/performance/grpc_stream_limit.h"

#include <fcntl.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/byte_buffer.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace kappa::performance {
namespace {

constexpr size_t kMessageBytes = size_t{64} << 10;
constexpr char kSink[] = "/kappa.limits/Sink";
constexpr size_t kEchoedBytes = 1024;
constexpr char kEcho[] = "/kappa.limits/Echo";
constexpr char kSource[] = "/kappa.limits/Source";
constexpr absl::Duration kConnectTimeout = absl::Seconds(10);
// Past the duration that was asked for: a stream that hangs is an error.
constexpr absl::Duration kStreamTimeout = absl::Seconds(10);

grpc::ByteBuffer MakeMessage(size_t bytes = kMessageBytes) {
  const grpc::Slice slice(std::string(bytes, 'k'));
  return grpc::ByteBuffer(&slice, 1);
}

// --- server ---

// Reads to the end of the client's messages, then answers OK.
class SinkReactor final : public grpc::ServerGenericBidiReactor {
 public:
  SinkReactor() { StartRead(&message_); }
  void OnReadDone(bool ok) override {
    if (ok) {
      StartRead(&message_);
    } else {
      Finish(grpc::Status::OK);
    }
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer message_;
};

// Writes until the client cancels.
class SourceReactor final : public grpc::ServerGenericBidiReactor {
 public:
  SourceReactor() : message_(MakeMessage()) { StartWrite(&message_); }
  void OnWriteDone(bool ok) override {
    if (ok) {
      StartWrite(&message_);
    } else {
      Finish(grpc::Status::OK);
    }
  }
  void OnDone() override { delete this; }

 private:
  const grpc::ByteBuffer message_;
};

// Sends back what it reads.
class EchoReactor final : public grpc::ServerGenericBidiReactor {
 public:
  EchoReactor() { StartRead(&message_); }
  void OnReadDone(bool ok) override {
    if (ok) {
      StartWrite(&message_);
    } else {
      Finish(grpc::Status::OK);
    }
  }
  void OnWriteDone(bool ok) override {
    if (ok) StartRead(&message_);
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer message_;
};

class Service final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    if (context->method() == kSource) return new SourceReactor;
    if (context->method() == kEcho) return new EchoReactor;
    return new SinkReactor;
  }
};

// Runs in the child: writes its port to `ready`, ends when `stop` closes.
[[noreturn]] void Serve(int ready, int stop) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterCallbackGenericService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) port = 0;
  if (write(ready, &port, sizeof(port)) != sizeof(port)) _exit(1);
  char byte;
  if (server != nullptr && read(stop, &byte, 1) < 0) _exit(1);
  _exit(0);
}

// --- client ---

// One stream; Wait() returns when it is over.
class Stream
    : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  Stream(std::shared_ptr<grpc::Channel> channel, absl::Duration duration)
      : begin_(absl::Now()), end_(begin_ + duration), stub_(channel) {
    context_.set_deadline(absl::ToChronoTime(end_ + kStreamTimeout));
  }

  void OnDone(const grpc::Status& status) final { done_.set_value(status); }

 protected:
  void Prepare(const char* method) {
    stub_.PrepareBidiStreamingCall(&context_, method, {}, this);
  }
  grpc::Status Wait() { return done_.get_future().get(); }
  bool IsOver() const { return absl::Now() >= end_; }
  grpc::ClientContext* context() { return &context_; }
  double MegabytesPerSecond(absl::Time end) const {
    return static_cast<double>(messages_ * kMessageBytes) / 1e6 /
           absl::ToDoubleSeconds(end - begin_);
  }

  uint64_t messages_ = 0;
  grpc::ByteBuffer message_;

 private:
  const absl::Time begin_;
  const absl::Time end_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  std::promise<grpc::Status> done_;
};

class WritingStream final : public Stream {
 public:
  using Stream::Stream;

  absl::StatusOr<double> Run() {
    message_ = MakeMessage();
    Prepare(kSink);
    StartWrite(&message_);
    StartCall();
    const grpc::Status status = Wait();
    if (!status.ok()) return absl::UnavailableError(status.error_message());
    return MegabytesPerSecond(absl::Now());
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return;
    ++messages_;
    if (IsOver()) {
      StartWritesDone();
    } else {
      StartWrite(&message_);
    }
  }
};

class ReadingStream final : public Stream {
 public:
  using Stream::Stream;

  absl::StatusOr<double> Run() {
    Prepare(kSource);
    StartRead(&message_);
    StartCall();
    const grpc::Status status = Wait();
    if (status.error_code() != grpc::StatusCode::CANCELLED) {
      return absl::UnavailableError(
          absl::StrCat("the stream ended: ", status.error_message()));
    }
    return MegabytesPerSecond(last_);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    ++messages_;
    if (IsOver()) {
      last_ = absl::Now();
      context()->TryCancel();
    } else {
      StartRead(&message_);
    }
  }

 private:
  absl::Time last_ = absl::InfiniteFuture();
};

class EchoedStream final : public Stream {
 public:
  using Stream::Stream;

  absl::StatusOr<double> Run() {
    sent_ = MakeMessage(kEchoedBytes);
    Prepare(kEcho);
    Send();
    StartCall();
    const grpc::Status status = Wait();
    if (!status.ok()) return absl::UnavailableError(status.error_message());
    if (times_.empty()) return absl::UnavailableError("nothing came back");
    const auto middle = times_.begin() + times_.size() / 2;
    std::nth_element(times_.begin(), middle, times_.end());
    return absl::ToDoubleMilliseconds(*middle);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    times_.push_back(absl::Now() - sent_at_);
    Next();
  }
  void OnWriteDone(bool ok) override {
    if (ok) Next();
  }

 private:
  // The answer may be here before the write is reported as done.
  void Next() {
    if (--pending_ > 0) return;
    if (IsOver()) {
      StartWritesDone();
    } else {
      Send();
    }
  }
  void Send() {
    pending_ = 2;
    sent_at_ = absl::Now();
    StartRead(&message_);
    StartWrite(&sent_);
  }

  grpc::ByteBuffer sent_;
  std::atomic<int> pending_ = 0;
  absl::Time sent_at_;
  std::vector<absl::Duration> times_;
};

absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(int port) {
  grpc::ChannelArguments arguments;
  // As Kappa's client: retries would keep a copy of what is sent.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  std::shared_ptr<grpc::Channel> channel =
      grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port),
                                grpc::InsecureChannelCredentials(), arguments);
  if (!channel->WaitForConnected(
          absl::ToChronoTime(absl::Now() + kConnectTimeout))) {
    return absl::UnavailableError("no connection to the stream's server");
  }
  return channel;
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcStreamLimit>> GrpcStreamLimit::Start() {
  int ready[2];
  int stop[2];
  if (pipe2(ready, O_CLOEXEC) != 0 || pipe2(stop, O_CLOEXEC) != 0) {
    return absl::UnavailableError("cannot make a pipe");
  }
  const pid_t server = fork();
  if (server < 0) return absl::UnavailableError("cannot fork");
  if (server == 0) {
    close(ready[0]);
    close(stop[1]);
    Serve(ready[1], stop[0]);
  }
  close(ready[1]);
  close(stop[0]);
  int port = 0;
  const ssize_t got = read(ready[0], &port, sizeof(port));
  close(ready[0]);
  std::unique_ptr<GrpcStreamLimit> limit(
      new GrpcStreamLimit(server, stop[1], port));
  if (got != sizeof(port) || port == 0) {
    return absl::UnavailableError("the stream's server does not serve");
  }
  return limit;
}

GrpcStreamLimit::~GrpcStreamLimit() {
  close(stop_);
  waitpid(server_, nullptr, 0);
}

absl::StatusOr<double> GrpcStreamLimit::MeasureToServer(
    absl::Duration duration) const {
  auto channel = Connect(port_);
  if (!channel.ok()) return channel.status();
  return WritingStream(*channel, duration).Run();
}

absl::StatusOr<double> GrpcStreamLimit::MeasureToClient(
    absl::Duration duration) const {
  auto channel = Connect(port_);
  if (!channel.ok()) return channel.status();
  return ReadingStream(*channel, duration).Run();
}

absl::StatusOr<double> GrpcStreamLimit::MeasureRoundTrip(
    absl::Duration duration) const {
  auto channel = Connect(port_);
  if (!channel.ok()) return channel.status();
  return EchoedStream(*channel, duration).Run();
}

}  // namespace kappa::performance
