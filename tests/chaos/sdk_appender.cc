#include "tests/chaos/sdk_appender.h"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "client/cpp/client_options.h"
#include "client/cpp/error.h"
#include "proto/wire/record_set.h"
#include "tests/chaos/log_events.h"
#include "tests/chaos/pace.h"
#include "tests/checker/event.h"

namespace kappa::chaos {
namespace {

constexpr absl::Duration kDeliveryTimeout = absl::Minutes(2);
constexpr absl::Duration kCloseTimeout = absl::Seconds(40);
constexpr absl::Duration kCreateAgain = absl::Milliseconds(200);
constexpr int64_t kWindowLookUs = 100'000;

}  // namespace

SdkAppender::SdkAppender(RoleOptions options, std::string producer,
                         Recorder& recorder, StopSignal& stop)
    : options_(std::move(options)),
      producer_(std::move(producer)),
      recorder_(recorder),
      stop_(stop),
      values_(options_.process, options_.seed) {}

void SdkAppender::Run() {
  const std::unique_ptr<client::Producer> producer = Create();
  if (producer == nullptr) return;
  Pace pace(options_.rate, stop_);
  while (pace.Next()) {
    if (!WaitForWindow()) break;
    AppendOne(*producer);
  }
  // What is not answered by then is told as unknown by the destructor.
  const absl::Status status = producer->Close(kCloseTimeout);
  if (!status.ok()) {
    std::fprintf(stderr, "%s: %s\n", producer_.c_str(),
                 status.ToString().c_str());
  }
}

std::unique_ptr<client::Producer> SdkAppender::Create() {
  while (true) {
    absl::StatusOr<std::shared_ptr<client::Client>> connection =
        client::Client::Create({.seeds = options_.Seeds(),
                                .backoff_max = absl::Milliseconds(500)});
    absl::StatusOr<std::unique_ptr<client::Producer>> producer =
        connection.ok()
            ? client::Producer::Create(*connection,
                                       {.topic = options_.topic,
                                        .name = producer_,
                                        .in_flight_max = kWindow,
                                        .delivery_timeout = kDeliveryTimeout})
            : connection.status();
    if (producer.ok()) return *std::move(producer);
    std::fprintf(stderr, "%s: %s\n", producer_.c_str(),
                 producer.status().ToString().c_str());
    if (stop_.WaitFor(kCreateAgain)) return nullptr;
  }
}

bool SdkAppender::WaitForWindow() {
  MutexLock lock(&mutex_);
  while (under_way_ >= kWindow) {
    answered_.WaitFor(&mutex_, kWindowLookUs);
    if (stop_.is_set()) return false;
  }
  ++under_way_;
  return true;
}

void SdkAppender::AppendOne(client::Producer& producer) {
  const uint32_t partition = values_.Draw(options_.shared_partitions());
  const MadeBatch batch = values_.Make();
  std::vector<RecordView> records;
  for (const std::string& value : batch.values) {
    records.push_back({.value = value});
  }
  const auto count = static_cast<uint16_t>(records.size());
  const uint64_t op = recorder_.Begin(
      AppendInvocation(options_.process, options_.NameOf(partition), batch));
  const absl::Status accepted = producer.AppendBatch(
      partition, records, {},
      [this, op, partition,
       count](const absl::StatusOr<client::AppendResult>& result) {
        Answered(op, partition, count, result);
      });
  if (!accepted.ok()) {
    std::fprintf(stderr, "not taken: %s\n", accepted.ToString().c_str());
    checker::Event failure = Failure(op, "", accepted);
    failure.type = checker::EventType::kFail;  // never left this process
    recorder_.End(failure, partition, Outcome::kUnexpected, count);
    MutexLock lock(&mutex_);
    --under_way_;
  }
}

void SdkAppender::Answered(uint64_t op, uint32_t partition, uint16_t records,
                           const absl::StatusOr<client::AppendResult>& result) {
  if (result.ok()) {
    checker::Event event;
    event.type = checker::EventType::kOk;
    event.op = op;
    if (result->offset.has_value()) {
      event.offset = result->offset->value();
      event.append_time_us = result->append_time_us;
    }
    recorder_.End(event, partition, Outcome::kAcknowledged, records);
  } else {
    std::fprintf(stderr, "append failed: %s\n",
                 result.status().ToString().c_str());
    recorder_.End(Failure(op, "", result.status()), partition,
                  client::IsDefinite(result.status()) ? Outcome::kAppendFailed
                                                      : Outcome::kAppendUnknown,
                  records);
  }
  MutexLock lock(&mutex_);
  --under_way_;
  answered_.Signal();
}

}  // namespace kappa::chaos
