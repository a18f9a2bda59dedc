#include "client/cpp/producer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/admin.h"
#include "client/cpp/error.h"
#include "client/cpp/producer_session.h"
#include "proto/wire/string_view.h"

namespace kappa::client {
namespace {

// Results that the server keeps per producer and partition.
constexpr uint32_t kInFlightMax = 128;

absl::Status CheckOptions(const ProducerOptions& options) {
  if (options.batch_bytes == 0 || options.batch_records == 0) {
    return absl::InvalidArgumentError("batch_bytes and batch_records are 0");
  }
  if (options.memory_bytes_max == 0) {
    return absl::InvalidArgumentError("memory_bytes_max is 0");
  }
  if (options.in_flight_max == 0 || options.in_flight_max > kInFlightMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "in_flight_max is ", options.in_flight_max, ", not 1 to 128"));
  }
  if (options.linger < absl::ZeroDuration()) {
    return absl::InvalidArgumentError("linger is negative");
  }
  if (!options.name.empty() && !options.exact_retries) {
    return absl::InvalidArgumentError("a named producer is always exact");
  }
  return absl::OkStatus();
}

absl::Status CheckCodec(Codec codec, const v1::Topic& topic) {
  if (codec == Codec::kNone) return absl::OkStatus();
  const auto& accepted = topic.accepted_compressions();
  if (std::find(accepted.begin(), accepted.end(), static_cast<int>(codec)) !=
      accepted.end()) {
    return absl::OkStatus();
  }
  return MakeError(
      absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_COMPRESSION_REFUSED,
      ToStd(absl::StrCat("topic ", topic.name(), " does not accept ",
                         ToAbsl(CodecName(codec)))),
      /*definite=*/true);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Producer>> Producer::Create(
    std::shared_ptr<Client> client, ProducerOptions options) {
  absl::Status status = CheckOptions(options);
  if (!status.ok()) return status;
  Admin admin(client);
  absl::StatusOr<v1::Topic> topic = admin.GetTopic(options.topic);
  if (!topic.ok()) return topic.status();
  status = CheckCodec(options.compression, *topic);
  if (!status.ok()) return status;
  v1::OpenProducerResponse opened;
  if (!options.name.empty()) {
    v1::OpenProducerRequest request;
    request.set_name(options.name);
    request.set_topic(options.topic);
    request.set_topic_uuid(topic->uuid());
    for (uint32_t partition : options.partitions) {
      request.add_partitions(partition);
    }
    if (options.partitions.empty()) {
      for (uint32_t i = 0; i < topic->partitions(); ++i) {
        request.add_partitions(i);
      }
    }
    absl::StatusOr<v1::OpenProducerResponse> answer =
        admin.OpenProducer(request);
    if (!answer.ok()) return answer.status();
    opened = *std::move(answer);
  }
  auto session =
      std::make_unique<ProducerSession>(std::move(client), std::move(options),
                                        *std::move(topic), std::move(opened));
  return std::unique_ptr<Producer>(new Producer(std::move(session)));
}

Producer::Producer(std::unique_ptr<ProducerSession> session)
    : session_(std::move(session)),
      positions_(session_->opened().positions().begin(),
                 session_->opened().positions().end()) {}

Producer::~Producer() = default;

absl::Status Producer::Append(const RecordView& record,
                              std::optional<uint32_t> partition,
                              AppendCallback done) {
  return session_->Append(record, partition, std::move(done));
}

std::future<absl::StatusOr<AppendResult>> Producer::AppendFuture(
    const RecordView& record, std::optional<uint32_t> partition) {
  auto promise = std::make_shared<std::promise<absl::StatusOr<AppendResult>>>();
  std::future<absl::StatusOr<AppendResult>> future = promise->get_future();
  const absl::Status status = session_->Append(
      record, partition, [promise](const absl::StatusOr<AppendResult>& result) {
        promise->set_value(result);
      });
  if (!status.ok()) promise->set_value(status);
  return future;
}

absl::Status Producer::AppendBatch(uint32_t partition,
                                   absl::Span<const RecordView> records,
                                   BatchOptions batch_options,
                                   AppendCallback done) {
  return session_->AppendBatch(partition, records, std::move(batch_options),
                               std::move(done));
}

absl::StatusOr<AppendResult> Producer::AppendBatchAndWait(
    uint32_t partition, absl::Span<const RecordView> records,
    BatchOptions batch_options) {
  auto promise = std::make_shared<std::promise<absl::StatusOr<AppendResult>>>();
  std::future<absl::StatusOr<AppendResult>> future = promise->get_future();
  const absl::Status status = session_->AppendBatch(
      partition, records, std::move(batch_options),
      [promise](const absl::StatusOr<AppendResult>& result) {
        promise->set_value(result);
      });
  if (!status.ok()) return status;
  return future.get();
}

absl::Status Producer::Flush(absl::Duration timeout) {
  return session_->Flush(timeout);
}

absl::Status Producer::Close(absl::Duration timeout) {
  absl::Status status = session_->Flush(timeout);
  session_->Fail(absl::FailedPreconditionError("the producer is closed"));
  return status;
}

const v1::Topic& Producer::topic() const { return session_->topic(); }

const std::vector<v1::ProducerPosition>& Producer::positions() const {
  return positions_;
}

uint64_t Producer::epoch() const { return session_->opened().epoch(); }

size_t Producer::memory_bytes() const { return session_->memory_bytes(); }

}  // namespace kappa::client
