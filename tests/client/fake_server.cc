#include "tests/client/fake_server.h"

#include <chrono>
#include <deque>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "proto/wire/check.h"

namespace kappa::tests {

// Shared with the threads of calls.
struct FakeServer::State {
  explicit State(FakeLog* log_in) : log(*log_in) {}

  FakeLog& log;
  Mutex mutex;
  CondVar changed;
  AppendHook append_hook ABSL_GUARDED_BY(mutex);
  ReplayHook replay_hook ABSL_GUARDED_BY(mutex);
  CallHook call_hook ABSL_GUARDED_BY(mutex);
  bool hold_answers ABSL_GUARDED_BY(mutex) = false;
  bool mute_replays ABSL_GUARDED_BY(mutex) = false;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  uint64_t append_requests ABSL_GUARDED_BY(mutex) = 0;
  uint64_t streams ABSL_GUARDED_BY(mutex) = 0;

  void CountStream() {
    MutexLock lock(&mutex);
    ++streams;
    changed.SignalAll();
  }

  grpc::Status BeforeCall(const std::string& method) {
    CallHook hook;
    {
      MutexLock lock(&mutex);
      hook = call_hook;
    }
    return hook ? hook(method) : grpc::Status::OK;
  }
};

namespace {

grpc::Status Broken() { return grpc::Status(grpc::UNAVAILABLE, "broken"); }

}  // namespace

class FakeServer::LogService final : public v1::LogService::Service {
 public:
  explicit LogService(std::shared_ptr<State> state)
      : state_(std::move(state)) {}

  grpc::Status AppendStream(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::AppendStreamResponse,
                               v1::AppendStreamRequest>* stream) override {
    state_->CountStream();
    // Guarded by state_->mutex.
    std::deque<v1::AppendStreamResponse> answers;
    bool done = false;
    // Writes answers while they are not held.
    std::thread writer([&, state = state_.get()] {
      while (true) {
        v1::AppendStreamResponse answer;
        {
          MutexLock lock(&state->mutex);
          while (!done && (answers.empty() || state->hold_answers)) {
            state->changed.Wait(&state->mutex);
          }
          if (answers.empty() || state->hold_answers) return;
          answer = std::move(answers.front());
          answers.pop_front();
        }
        stream->Write(answer);
      }
    });
    bool broken = false;
    v1::AppendStreamRequest request;
    while (!broken && stream->Read(&request)) {
      std::optional<v1::AppendStreamResponse> answer = Answer(request);
      broken = !answer.has_value();
      MutexLock lock(&state_->mutex);
      if (answer.has_value()) answers.push_back(*std::move(answer));
      state_->changed.SignalAll();
    }
    {
      MutexLock lock(&state_->mutex);
      done = true;
      if (broken || context->IsCancelled()) answers.clear();
      state_->changed.SignalAll();
    }
    writer.join();
    return broken ? Broken() : grpc::Status::OK;
  }

  grpc::Status Replay(grpc::ServerContext* context,
                      const v1::ReplayRequest* request,
                      grpc::ServerWriter<v1::ReplayResponse>* writer) override {
    state_->CountStream();
    uint64_t next = 0;
    uint64_t records = 0;
    v1::ReplayResponse message;
    grpc::Status status = state_->log.ReplayStart(*request, &next, &message);
    bool at_tail = false;
    while (status.ok() && !context->IsCancelled()) {
      bool stopped = false;
      const uint64_t appended = state_->log.WaitForAppend(0, 0);
      if (!WaitWhileMuted(context)) return Broken();
      status = state_->log.ReadMessage(*request, &next, &records, &message,
                                       &stopped);
      if (!status.ok()) break;
      const bool nothing = message.batches_size() == 0;
      if (nothing && at_tail) message.set_heartbeat(true);
      if (nothing && !at_tail && !stopped) {
        message.set_progress(v1::REPLAY_PROGRESS_CAUGHT_UP);
      }
      at_tail = nothing;
      if (!Send(&message, writer)) return Broken();
      if (stopped) return grpc::Status::OK;
      message.Clear();
      if (!at_tail) continue;
      if (request->options().backwards()) return grpc::Status::OK;
      {
        MutexLock lock(&state_->mutex);
        if (state_->stopping) return Broken();
      }
      state_->log.WaitForAppend(appended, request->heartbeat_ms() * 1'000);
    }
    return status;
  }

  grpc::Status GetOffsets(grpc::ServerContext*,
                          const v1::GetOffsetsRequest* request,
                          v1::GetOffsetsResponse* response) override {
    const grpc::Status fault = state_->BeforeCall("GetOffsets");
    return fault.ok() ? state_->log.GetOffsets(*request, response) : fault;
  }

  grpc::Status OpenProducer(grpc::ServerContext*,
                            const v1::OpenProducerRequest* request,
                            v1::OpenProducerResponse* response) override {
    const grpc::Status fault = state_->BeforeCall("OpenProducer");
    return fault.ok() ? state_->log.OpenProducer(*request, response) : fault;
  }

  grpc::Status GetProducer(grpc::ServerContext*,
                           const v1::GetProducerRequest* request,
                           v1::GetProducerResponse* response) override {
    const grpc::Status fault = state_->BeforeCall("GetProducer");
    return fault.ok() ? state_->log.GetProducer(*request, response) : fault;
  }

 private:
  // Absent: the stream shall break.
  std::optional<v1::AppendStreamResponse> Answer(
      const v1::AppendStreamRequest& request) {
    AppendHook hook;
    {
      MutexLock lock(&state_->mutex);
      ++state_->append_requests;
      state_->changed.SignalAll();
      hook = state_->append_hook;
    }
    const AppendFault fault = hook ? hook(request.append()) : AppendFault();
    v1::AppendStreamResponse response;
    response.set_correlation_id(request.correlation_id());
    using Kind = AppendFault::Kind;
    if (fault.kind == Kind::kBreakBefore) return std::nullopt;
    if (fault.kind == Kind::kRefuse) {
      *response.mutable_error() = fault.refusal;
      return response;
    }
    v1::AppendResponse ack;
    std::optional<v1::Status> error =
        state_->log.Append(request.append(), &ack);
    if (fault.kind == Kind::kBreakAfter) return std::nullopt;
    if (fault.kind == Kind::kRefuseAfter) error = fault.refusal;
    if (error.has_value()) {
      *response.mutable_error() = *std::move(error);
    } else {
      *response.mutable_ack() = std::move(ack);
    }
    return response;
  }

  // False when the call is over.
  bool WaitWhileMuted(grpc::ServerContext* context) {
    MutexLock lock(&state_->mutex);
    while (state_->mute_replays && !state_->stopping) {
      if (context->IsCancelled()) return false;
      // A cancellation does not notify.
      state_->changed.WaitFor(&state_->mutex, 20'000);
    }
    return !state_->stopping;
  }

  bool Send(v1::ReplayResponse* message,
            grpc::ServerWriter<v1::ReplayResponse>* writer) {
    ReplayHook hook;
    {
      MutexLock lock(&state_->mutex);
      hook = state_->replay_hook;
    }
    if (hook && !hook(message)) return false;
    return writer->Write(*message);
  }

  const std::shared_ptr<State> state_;
};

class FakeServer::TopicService final : public v1::TopicService::Service {
 public:
  explicit TopicService(std::shared_ptr<State> state)
      : state_(std::move(state)) {}

  grpc::Status GetTopic(grpc::ServerContext*,
                        const v1::GetTopicRequest* request,
                        v1::GetTopicResponse* response) override {
    const grpc::Status fault = state_->BeforeCall("GetTopic");
    if (!fault.ok()) return fault;
    std::optional<v1::Topic> topic = state_->log.GetTopic(request->name());
    if (!topic.has_value()) {
      return MakeGrpcError(grpc::NOT_FOUND, v1::ERROR_REASON_TOPIC_NOT_FOUND,
                           "no topic " + request->name(),
                           {{"topic", request->name()}});
    }
    *response->mutable_topic() = *std::move(topic);
    return grpc::Status::OK;
  }

  // Two topics a page.
  grpc::Status ListTopics(grpc::ServerContext*,
                          const v1::ListTopicsRequest* request,
                          v1::ListTopicsResponse* response) override {
    const grpc::Status fault = state_->BeforeCall("ListTopics");
    if (!fault.ok()) return fault;
    for (v1::Topic& topic : state_->log.Topics()) {
      if (topic.name().rfind(request->name_prefix(), 0) != 0) continue;
      if (topic.name() <= request->page_token()) continue;
      if (response->topics_size() == 2) {
        response->set_next_page_token(response->topics(1).name());
        break;
      }
      *response->add_topics() = std::move(topic);
    }
    return grpc::Status::OK;
  }

  grpc::Status DeleteTopic(grpc::ServerContext*,
                           const v1::DeleteTopicRequest* request,
                           v1::DeleteTopicResponse* response) override {
    const grpc::Status fault = state_->BeforeCall("DeleteTopic");
    if (!fault.ok()) return fault;
    response->set_topic_uuid(state_->log.GetTopic(request->name())->uuid());
    state_->log.DeleteTopic(request->name());
    return grpc::Status::OK;
  }

 private:
  const std::shared_ptr<State> state_;
};

FakeServer::FakeServer(FakeLog* log)
    : state_(std::make_shared<State>(log)),
      log_service_(std::make_unique<LogService>(state_)),
      topic_service_(std::make_unique<TopicService>(state_)) {
  Start();
}

FakeServer::~FakeServer() { Stop(); }

void FakeServer::Start() {
  {
    MutexLock lock(&state_->mutex);
    state_->stopping = false;
  }
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address_.empty() ? "127.0.0.1:0" : address_,
                           grpc::InsecureServerCredentials(), &port);
  builder.SetMaxReceiveMessageSize(-1);
  builder.RegisterService(log_service_.get());
  builder.RegisterService(topic_service_.get());
  server_ = builder.BuildAndStart();
  KAPPA_CHECK(server_ != nullptr && port != 0, "the fake cannot listen");
  address_ = "127.0.0.1:" + std::to_string(port);
}

void FakeServer::Stop() {
  if (server_ == nullptr) return;
  {
    MutexLock lock(&state_->mutex);
    state_->stopping = true;
    state_->changed.SignalAll();
  }
  state_->log.Wake();
  server_->Shutdown(std::chrono::system_clock::now());
  server_ = nullptr;
}

void FakeServer::SetAppendHook(AppendHook hook) {
  MutexLock lock(&state_->mutex);
  state_->append_hook = std::move(hook);
}

void FakeServer::SetReplayHook(ReplayHook hook) {
  MutexLock lock(&state_->mutex);
  state_->replay_hook = std::move(hook);
}

void FakeServer::SetCallHook(CallHook hook) {
  MutexLock lock(&state_->mutex);
  state_->call_hook = std::move(hook);
}

void FakeServer::HoldAnswers(bool hold) {
  MutexLock lock(&state_->mutex);
  state_->hold_answers = hold;
  state_->changed.SignalAll();
}

void FakeServer::MuteReplays(bool mute) {
  MutexLock lock(&state_->mutex);
  state_->mute_replays = mute;
  state_->changed.SignalAll();
}

uint64_t FakeServer::append_requests() {
  MutexLock lock(&state_->mutex);
  return state_->append_requests;
}

uint64_t FakeServer::streams() {
  MutexLock lock(&state_->mutex);
  return state_->streams;
}

bool FakeServer::WaitUntil(const std::function<bool()>& condition,
                           absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!condition()) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    // Bounded, as a condition may depend on more than the counters.
    MutexLock lock(&state_->mutex);
    state_->changed.WaitFor(&state_->mutex, 20'000);
  }
  return true;
}

}  // namespace kappa::tests
