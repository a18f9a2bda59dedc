#include "client/cpp/admin.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "client/cpp/backoff.h"
#include "client/cpp/error.h"
#include "client/cpp/unary_call.h"
#include "grpcpp/client_context.h"
#include "kappa/v1/log_service.grpc.pb.h"
#include "kappa/v1/maintenance_service.grpc.pb.h"
#include "kappa/v1/topic_service.grpc.pb.h"

namespace kappa::client {
namespace {

// Of GetAllOffsets.
constexpr uint32_t kThreadsMax = 16;

// How long the first attempt of a call that reads, or changes something, may
// take before another node is asked. Doubles with each that took longer.
constexpr absl::Duration kReadTimeoutMin = absl::Seconds(1);
constexpr absl::Duration kChangeTimeoutMin = absl::Seconds(4);

// Whom to ask, and when to ask again.
struct Routing {
  // Empty: what is about no partition; any node.
  std::string topic = {};
  uint32_t partition = 0;
  absl::Duration timeout_min = kReadTimeoutMin;
  // False: only definite errors are followed by another attempt.
  bool repeatable = true;
};

// Of a call that changes topics or producers.
Routing OfChange() { return {.timeout_min = kChangeTimeoutMin}; }

using Topics = CallsOf<v1::TopicService>;
using Logs = CallsOf<v1::LogService>;
using Maintenance = CallsOf<v1::MaintenanceService>;

// One call with its repetitions.
template <typename Service, typename Request, typename Response>
absl::StatusOr<Response> Call(Client* client, const Routing& routing,
                              UnaryMethod<Service, Request, Response> method,
                              const Request& request) {
  const absl::Time deadline = absl::Now() + client->options().call_timeout;
  Backoff backoff(client->options().backoff_min, client->options().backoff_max);
  absl::Duration timeout = routing.timeout_min;
  bool at_once = false;
  while (true) {
    const std::string address =
        client->AddressOf(routing.topic, routing.partition);
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(
        routing.repeatable ? std::min(deadline, absl::Now() + timeout)
                           : deadline));
    Response response;
    const absl::Status status = StatusFromGrpc(CallUnary<Service>(
        client->ChannelTo(address), method, &context, request, &response));
    if (status.ok()) return response;
    const bool again = (IsRetriable(status) || IsLostConnection(status)) &&
                       (routing.repeatable || IsDefinite(status));
    if (status.code() == absl::StatusCode::kDeadlineExceeded) timeout *= 2;
    at_once =
        client->NoteError(routing.topic, routing.partition, address, status) &&
        !at_once;
    absl::Duration wait = absl::ZeroDuration();
    if (!at_once) wait = std::max(backoff.Next(status), RetryAfter(status));
    if (!again || absl::Now() + wait >= deadline) return status;
    absl::SleepFor(wait);
  }
}

}  // namespace

Admin::Admin(std::shared_ptr<Client> client) : client_(std::move(client)) {}

absl::StatusOr<v1::CreateTopicResponse> Admin::CreateTopic(
    const v1::CreateTopicRequest& request) {
  return Call<v1::TopicService>(client_.get(), OfChange(), &Topics::CreateTopic,
                                request);
}

absl::StatusOr<v1::Topic> Admin::GetTopic(std::string_view name) {
  v1::GetTopicRequest request;
  request.set_name(std::string(name));
  absl::StatusOr<v1::GetTopicResponse> response =
      Call<v1::TopicService>(client_.get(), {}, &Topics::GetTopic, request);
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_topic());
}

absl::StatusOr<std::vector<v1::Topic>> Admin::ListTopics(
    std::string_view name_prefix) {
  std::vector<v1::Topic> topics;
  v1::ListTopicsRequest request;
  request.set_name_prefix(std::string(name_prefix));
  request.set_page_size(1'000);
  do {
    absl::StatusOr<v1::ListTopicsResponse> page =
        Call<v1::TopicService>(client_.get(), {}, &Topics::ListTopics, request);
    if (!page.ok()) return page.status();
    for (v1::Topic& topic : *page->mutable_topics()) {
      topics.push_back(std::move(topic));
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return topics;
}

absl::StatusOr<v1::Topic> Admin::UpdateTopic(
    const v1::UpdateTopicRequest& request) {
  absl::StatusOr<v1::UpdateTopicResponse> response = Call<v1::TopicService>(
      client_.get(), OfChange(), &Topics::UpdateTopic, request);
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_topic());
}

absl::StatusOr<std::string> Admin::DeleteTopic(
    const v1::DeleteTopicRequest& request) {
  absl::StatusOr<v1::DeleteTopicResponse> response = Call<v1::TopicService>(
      client_.get(), {.timeout_min = kChangeTimeoutMin, .repeatable = false},
      &Topics::DeleteTopic, request);
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_topic_uuid());
}

absl::StatusOr<v1::Topic> Admin::AddPartitions(
    const v1::AddPartitionsRequest& request) {
  absl::StatusOr<v1::AddPartitionsResponse> response = Call<v1::TopicService>(
      client_.get(), OfChange(), &Topics::AddPartitions, request);
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_topic());
}

absl::StatusOr<v1::GetOffsetsResponse> Admin::GetOffsets(
    const v1::GetOffsetsRequest& request) {
  return Call<v1::LogService>(
      client_.get(),
      {.topic = request.topic(), .partition = request.partition()},
      &Logs::GetOffsets, request);
}

absl::StatusOr<std::vector<v1::GetOffsetsResponse>> Admin::GetAllOffsets(
    const v1::GetOffsetsRequest& request, uint32_t partitions) {
  std::vector<absl::StatusOr<v1::GetOffsetsResponse>> answers(partitions);
  std::atomic<uint32_t> next{0};
  auto ask = [&] {
    v1::GetOffsetsRequest of_partition = request;
    for (uint32_t i = next++; i < partitions; i = next++) {
      of_partition.set_partition(i);
      answers[i] = GetOffsets(of_partition);
      // One failure is enough to give up.
      if (!answers[i].ok()) next = partitions;
    }
  };
  std::vector<std::thread> threads;
  for (uint32_t i = 1; i < std::min(kThreadsMax, partitions); ++i) {
    threads.emplace_back(ask);
  }
  ask();
  for (std::thread& thread : threads) thread.join();
  std::vector<v1::GetOffsetsResponse> offsets;
  absl::Status not_asked;
  for (absl::StatusOr<v1::GetOffsetsResponse>& answer : answers) {
    if (answer.ok()) {
      offsets.push_back(*std::move(answer));
    } else if (answer.status().code() != absl::StatusCode::kUnknown) {
      return answer.status();
    } else {
      // As it was made; some other partition tells why.
      not_asked = answer.status();
    }
  }
  if (!not_asked.ok()) return not_asked;
  return offsets;
}

absl::StatusOr<v1::OpenProducerResponse> Admin::OpenProducer(
    const v1::OpenProducerRequest& request) {
  return Call<v1::LogService>(client_.get(), OfChange(), &Logs::OpenProducer,
                              request);
}

absl::StatusOr<v1::GetProducerResponse> Admin::GetProducer(
    const v1::GetProducerRequest& request) {
  return Call<v1::LogService>(client_.get(), {}, &Logs::GetProducer, request);
}

absl::StatusOr<v1::ScrubStatus> Admin::GetScrubStatus() {
  absl::StatusOr<v1::GetScrubStatusResponse> response =
      Call<v1::MaintenanceService>(client_.get(), {},
                                   &Maintenance::GetScrubStatus,
                                   v1::GetScrubStatusRequest());
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_status());
}

absl::StatusOr<uint64_t> Admin::StartScrub() {
  absl::StatusOr<v1::StartScrubResponse> response =
      Call<v1::MaintenanceService>(client_.get(), {}, &Maintenance::StartScrub,
                                   v1::StartScrubRequest());
  if (!response.ok()) return response.status();
  return response->pass();
}

absl::StatusOr<v1::ReadResponse> Admin::Read(const v1::ReadRequest& request) {
  return Call<v1::LogService>(
      client_.get(),
      {.topic = request.topic(), .partition = request.partition()}, &Logs::Read,
      request);
}

}  // namespace kappa::client
