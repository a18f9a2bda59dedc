#include "client/bench/bulk_append.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/bench/workload.h"
#include "client/cpp/producer.h"

namespace kappa::bench {
namespace {

// Longer than any stall that a measurement should survive.
constexpr absl::Duration kDeliveryTimeout = absl::Seconds(15);

}  // namespace

BulkAppend::BulkAppend(const BenchOptions& options,
                       std::shared_ptr<client::Client> client,
                       uint64_t records_max)
    : options_(options),
      client_(std::move(client)),
      needs_all_(records_max > 0) {
  running_ = options_.producers;
  const uint64_t share =
      (records_max + options_.producers - 1) / options_.producers;
  for (uint32_t i = 0; i < options_.producers; ++i) {
    threads_.emplace_back([this, i, share] { Run(i, share); });
  }
}

BulkAppend::~BulkAppend() { NoteStatus(Finish(/*stop_early=*/true)); }

client::ProducerOptions BulkAppend::ProducerOptionsOf() {
  client::ProducerOptions producer;
  producer.topic = options_.topic;
  producer.compression = options_.compression;
  producer.batch_bytes = options_.batch_bytes;
  producer.linger = options_.linger.value_or(absl::Milliseconds(50));
  producer.send_when_idle = false;
  producer.memory_bytes_max = static_cast<size_t>(std::max<uint64_t>(
      options_.outstanding_bytes / options_.producers, options_.batch_bytes));
  producer.delivery_timeout = kDeliveryTimeout;
  producer.on_batch = [this](const client::BatchOutcome& outcome) {
    NoteBatch(outcome);
  };
  return producer;
}

void BulkAppend::Run(uint32_t number, uint64_t records_max) {
  auto producer = client::Producer::Create(client_, ProducerOptionsOf());
  if (!producer.ok()) {
    NoteStatus(producer.status());
  } else {
    NoteStatus(Append(number, records_max, producer->get()));
    NoteStatus((*producer)->Close());
  }
  --running_;
}

// Fills one partition's batch, then goes on with the next partition.
absl::Status BulkAppend::Append(uint32_t number, uint64_t records_max,
                                client::Producer* producer) {
  Workload workload(options_.record_bytes, options_.seed + number,
                    options_.values);
  const uint64_t batch_records =
      std::max<uint64_t>(1, options_.batch_bytes / (options_.record_bytes + 8));
  uint32_t partition = number % options_.partitions;
  for (uint64_t sent = 0;; ++sent) {
    if (sent % batch_records == 0) {
      if (stop_ || (records_max > 0 && sent >= records_max)) break;
      partition = (partition + 1) % options_.partitions;
    }
    const absl::Status status =
        producer->Append({.value = workload.Next()}, partition);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void BulkAppend::NoteBatch(const client::BatchOutcome& outcome) {
  MutexLock lock(&mutex_);
  if (!outcome.result.ok()) {
    ++counts_.errors;
    if (!needs_all_) return;
    status_.Update(outcome.result.status());
    stop_ = true;
    return;
  }
  counts_.records += outcome.record_count;
  counts_.latency.Record(absl::ToInt64Microseconds(outcome.latency));
}

void BulkAppend::NoteStatus(const absl::Status& status) {
  MutexLock lock(&mutex_);
  status_.Update(status);
}

BulkCounts BulkAppend::Counts() const {
  MutexLock lock(&mutex_);
  return counts_;
}

void BulkAppend::ClearLatency() {
  MutexLock lock(&mutex_);
  counts_.latency.Clear();
}

absl::Status BulkAppend::Finish(bool stop_early) {
  if (stop_early) stop_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  MutexLock lock(&mutex_);
  return status_;
}

}  // namespace kappa::bench
