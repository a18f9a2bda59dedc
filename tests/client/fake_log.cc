#include "tests/client/fake_log.h"

#include <algorithm>
#include <utility>

#include "proto/wire/check.h"
#include "proto/wire/codec.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/payload.h"
#include "proto/wire/record_set.h"

namespace kappa::tests {
namespace {

// Messages stay small, so that a replay has many.
constexpr int kBatchesPerMessage = 3;

v1::RecordSet Decode(const std::string& payload, v1::Compression compression) {
  v1::RecordSet records;
  absl::StatusOr<std::string> bytes =
      Inflate(static_cast<Codec>(compression), Payload::FromString(payload),
              kBatchBytesMax);
  KAPPA_CHECK(bytes.ok(), "a payload does not inflate");
  KAPPA_CHECK(records.ParseFromString(*bytes), "a payload does not parse");
  return records;
}

bool Matches(const v1::Record& record, const v1::RecordFilter& filter) {
  return !filter.has_key() ||
         (record.has_key() && record.key() == filter.key());
}

}  // namespace

v1::Status MakeWireError(grpc::StatusCode code, v1::ErrorReason reason,
                         const std::string& message,
                         std::map<std::string, std::string> metadata) {
  v1::Status status;
  status.set_code(code);
  status.set_message(message);
  v1::ErrorInfo info;
  info.set_reason(v1::ErrorReason_Name(reason).substr(sizeof("ERROR_REASON")));
  info.set_domain("kappa");
  for (auto& [key, value] : metadata) (*info.mutable_metadata())[key] = value;
  google::protobuf::Any* detail = status.add_details();
  detail->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  detail->set_value(info.SerializeAsString());
  return status;
}

grpc::Status MakeGrpcError(grpc::StatusCode code, v1::ErrorReason reason,
                           const std::string& message,
                           std::map<std::string, std::string> metadata) {
  return grpc::Status(code, message,
                      MakeWireError(code, reason, message, std::move(metadata))
                          .SerializeAsString());
}

void FakeLog::CreateTopic(const std::string& name, uint32_t partitions) {
  MutexLock lock(&mutex_);
  v1::Topic topic;
  topic.set_name(name);
  topic.set_uuid(std::string(16, static_cast<char>(next_uuid_++)));
  topic.set_partitions(partitions);
  topic.set_replicas(1);
  topic.mutable_limits()->set_batch_bytes_max(kBatchBytesDefault);
  topic.mutable_limits()->set_batch_records_max(kBatchRecordsDefault);
  topic.add_accepted_compressions(v1::COMPRESSION_ZSTD);
  topic.add_accepted_compressions(v1::COMPRESSION_LZ4);
  topics_[name] = topic;
  for (uint32_t i = 0; i < partitions; ++i) {
    partitions_[{name, i}] = Partition();
  }
}

std::optional<v1::Topic> FakeLog::GetTopic(const std::string& name) {
  MutexLock lock(&mutex_);
  const auto found = topics_.find(name);
  if (found == topics_.end()) return std::nullopt;
  return found->second;
}

void FakeLog::DeleteTopic(const std::string& name) {
  MutexLock lock(&mutex_);
  topics_.erase(name);
  std::erase_if(partitions_,
                [&name](const auto& p) { return p.first.first == name; });
}

std::vector<v1::Topic> FakeLog::Topics() {
  MutexLock lock(&mutex_);
  std::vector<v1::Topic> topics;
  for (const auto& [name, topic] : topics_) topics.push_back(topic);
  return topics;
}

FakeLog::Partition* FakeLog::Find(const std::string& topic,
                                  uint32_t partition) {
  const auto found = partitions_.find({topic, partition});
  return found == partitions_.end() ? nullptr : &found->second;
}

bool FakeLog::CheckProducer(const v1::AppendRequest& request,
                            Partition* partition, v1::AppendResponse* response,
                            std::optional<v1::Status>* error) {
  const v1::ProducerSequence& producer = request.producer();
  const auto found = partition->producers.find(producer.id());
  if (found == partition->producers.end()) {
    if (producer.epoch() == 0 &&
        producer.session_start_offset() < evicted_below_) {
      *error = MakeWireError(grpc::FAILED_PRECONDITION,
                             v1::ERROR_REASON_PRODUCER_UNKNOWN, "unknown");
      return true;
    }
  } else if (producer.epoch() < found->second.epoch) {
    *error = MakeWireError(grpc::FAILED_PRECONDITION,
                           v1::ERROR_REASON_PRODUCER_FENCED, "fenced");
    return true;
  }
  const uint64_t last =
      found == partition->producers.end() ? 0 : found->second.last_sequence;
  if (producer.sequence() <= last) {
    const auto result = found->second.results.find(producer.sequence());
    if (result == found->second.results.end()) {
      *error = MakeWireError(grpc::ALREADY_EXISTS,
                             v1::ERROR_REASON_SEQUENCE_STORED, "stored");
    } else {
      *response = result->second;
      response->set_duplicate(true);
    }
    return true;
  }
  const uint64_t previous = producer.has_previous_sequence()
                                ? producer.previous_sequence()
                                : producer.sequence() - 1;
  if (previous != last) {
    *error =
        MakeWireError(grpc::FAILED_PRECONDITION, v1::ERROR_REASON_SEQUENCE_GAP,
                      "gap", {{"last_sequence", std::to_string(last)}});
    return true;
  }
  return false;
}

std::optional<v1::Status> FakeLog::Append(const v1::AppendRequest& request,
                                          v1::AppendResponse* response) {
  MutexLock lock(&mutex_);
  Partition* const partition = Find(request.topic(), request.partition());
  if (partition == nullptr) {
    return MakeWireError(grpc::NOT_FOUND, v1::ERROR_REASON_TOPIC_NOT_FOUND,
                         "no topic");
  }
  const v1::Batch& batch = request.batch();
  StoredBatch stored;
  stored.compression = batch.compression();
  stored.payload = batch.has_records() ? batch.records().SerializeAsString()
                                       : batch.compressed_records();
  if (batch.payload_crc32c() != Crc32c(std::string_view(stored.payload))) {
    return MakeWireError(grpc::INVALID_ARGUMENT,
                         v1::ERROR_REASON_CHECKSUM_MISMATCH, "crc");
  }
  std::optional<v1::Status> error;
  if (request.has_producer() &&
      CheckProducer(request, partition, response, &error)) {
    return error;
  }
  if (request.has_expected_offset() &&
      request.expected_offset() != partition->end_offset) {
    return MakeWireError(
        grpc::FAILED_PRECONDITION, v1::ERROR_REASON_EXPECTED_OFFSET_MISMATCH,
        "the log ends elsewhere",
        {{"end_offset", std::to_string(partition->end_offset)}});
  }
  stored.base_offset = partition->end_offset;
  stored.record_count = static_cast<uint32_t>(
      Decode(stored.payload, stored.compression).records_size());
  KAPPA_CHECK(stored.record_count == batch.record_count(), "record_count");
  stored.append_time_us = 1'000 * static_cast<int64_t>(++appended_);
  partition->end_offset += stored.record_count;
  response->set_topic_uuid(topics_[request.topic()].uuid());
  response->set_base_offset(stored.base_offset);
  response->set_next_offset(partition->end_offset);
  response->set_append_time_us(stored.append_time_us);
  if (request.has_producer()) {
    const v1::ProducerSequence& producer = request.producer();
    ProducerState& state = partition->producers[producer.id()];
    state.epoch = producer.epoch();
    state.last_sequence = producer.sequence();
    if (producer.has_state()) state.state = producer.state();
    state.results[producer.sequence()] = *response;
  }
  partition->batches.push_back(std::move(stored));
  appended_changed_.SignalAll();
  return std::nullopt;
}

grpc::Status FakeLog::GetOffsets(const v1::GetOffsetsRequest& request,
                                 v1::GetOffsetsResponse* response) {
  MutexLock lock(&mutex_);
  const Partition* const partition = Find(request.topic(), request.partition());
  if (partition == nullptr) {
    return MakeGrpcError(grpc::NOT_FOUND, v1::ERROR_REASON_TOPIC_NOT_FOUND,
                         "no topic");
  }
  response->set_topic_uuid(topics_[request.topic()].uuid());
  response->set_first_offset(partition->first_offset);
  response->set_end_offset(partition->end_offset);
  if (request.has_append_time_us()) {
    response->set_offset_at_time(partition->end_offset);
    for (const StoredBatch& batch : partition->batches) {
      if (batch.append_time_us >= request.append_time_us()) {
        response->set_offset_at_time(batch.base_offset);
        break;
      }
    }
  }
  return grpc::Status::OK;
}

void FakeLog::FillPosition(Partition* partition, uint32_t number,
                           const std::string& id,
                           v1::ProducerPosition* position) {
  position->set_partition(number);
  const auto found = partition->producers.find(id);
  if (found == partition->producers.end()) return;
  position->set_last_sequence(found->second.last_sequence);
  position->set_epoch(found->second.epoch);
  if (found->second.state) position->set_state(*found->second.state);
}

grpc::Status FakeLog::OpenProducer(const v1::OpenProducerRequest& request,
                                   v1::OpenProducerResponse* response) {
  MutexLock lock(&mutex_);
  NamedProducer& producer = producers_[request.name()];
  if (producer.id.empty()) {
    producer.id =
        std::string(15, 'P') + static_cast<char>('a' + producers_.size());
  }
  ++producer.epoch;
  response->set_producer_id(producer.id);
  response->set_epoch(producer.epoch);
  for (uint32_t number : request.partitions()) {
    Partition* const partition = Find(request.topic(), number);
    if (partition == nullptr) {
      return MakeGrpcError(grpc::NOT_FOUND, v1::ERROR_REASON_TOPIC_NOT_FOUND,
                           "no topic");
    }
    partition->producers[producer.id].epoch = producer.epoch;
    FillPosition(partition, number, producer.id, response->add_positions());
  }
  return grpc::Status::OK;
}

grpc::Status FakeLog::GetProducer(const v1::GetProducerRequest& request,
                                  v1::GetProducerResponse* response) {
  MutexLock lock(&mutex_);
  const auto found = producers_.find(request.name());
  if (found == producers_.end()) {
    return MakeGrpcError(grpc::NOT_FOUND, v1::ERROR_REASON_PRODUCER_NOT_FOUND,
                         "no producer");
  }
  response->set_producer_id(found->second.id);
  response->set_epoch(found->second.epoch);
  for (uint32_t number : request.partitions()) {
    Partition* const partition = Find(request.topic(), number);
    if (partition != nullptr) {
      FillPosition(partition, number, found->second.id,
                   response->add_positions());
    }
  }
  return grpc::Status::OK;
}

grpc::Status FakeLog::ReplayStart(const v1::ReplayRequest& request,
                                  uint64_t* next, v1::ReplayResponse* first) {
  MutexLock lock(&mutex_);
  const Partition* const partition = Find(request.topic(), request.partition());
  if (partition == nullptr) {
    return MakeGrpcError(grpc::NOT_FOUND, v1::ERROR_REASON_TOPIC_NOT_FOUND,
                         "no topic");
  }
  const v1::ReadStart& start = request.options().start();
  *next = request.options().backwards() ? partition->end_offset
                                        : partition->first_offset;
  if (start.has_offset()) *next = start.offset();
  if (start.has_end()) *next = partition->end_offset;
  if (start.has_append_time_us()) {
    *next = partition->end_offset;
    for (const StoredBatch& batch : partition->batches) {
      if (batch.append_time_us >= start.append_time_us()) {
        *next = batch.base_offset;
        break;
      }
    }
  }
  if (*next > partition->end_offset) {
    return MakeGrpcError(
        grpc::OUT_OF_RANGE, v1::ERROR_REASON_OFFSET_OUT_OF_RANGE, "beyond",
        {{"end_offset", std::to_string(partition->end_offset)}});
  }
  first->set_topic_uuid(topics_[request.topic()].uuid());
  if (*next < partition->first_offset && !request.options().backwards()) {
    first->mutable_gap()->set_first_offset(*next);
    first->mutable_gap()->set_next_offset(partition->first_offset);
    *next = partition->first_offset;
  }
  return grpc::Status::OK;
}

grpc::Status FakeLog::ReadMessage(const v1::ReplayRequest& request,
                                  uint64_t* next, uint64_t* records,
                                  v1::ReplayResponse* message, bool* stopped) {
  MutexLock lock(&mutex_);
  const Partition* const partition = Find(request.topic(), request.partition());
  if (partition == nullptr) {
    return MakeGrpcError(grpc::NOT_FOUND, v1::ERROR_REASON_TOPIC_NOT_FOUND,
                         "deleted");
  }
  const v1::ReadOptions& options = request.options();
  const bool backwards = options.backwards();
  const uint64_t stop = options.stop().has_offset() ? options.stop().offset()
                        : options.stop().has_end()  ? partition->end_offset
                        : backwards                 ? 0
                                                    : UINT64_MAX;
  while (message->batches_size() < kBatchesPerMessage) {
    *stopped = (backwards ? *next <= stop : *next >= stop) ||
               (options.records_max() > 0 && *records == options.records_max());
    if (*stopped) break;
    const uint64_t wanted = backwards ? *next - 1 : *next;
    const auto batch =
        std::find_if(partition->batches.begin(), partition->batches.end(),
                     [wanted](const StoredBatch& b) {
                       return b.base_offset <= wanted &&
                              wanted < b.base_offset + b.record_count;
                     });
    if (batch == partition->batches.end()) break;
    uint64_t first = backwards ? std::max(stop, batch->base_offset) : *next;
    uint64_t end =
        backwards ? *next
                  : std::min(stop, batch->base_offset + batch->record_count);
    if (options.records_max() > 0) {
      end = std::min(end, first + options.records_max() - *records);
    }
    *next = backwards ? first : end;
    v1::DeliveredBatch delivered;
    delivered.set_base_offset(batch->base_offset);
    delivered.set_append_time_us(batch->append_time_us);
    if (options.has_filter()) {
      v1::RecordSet kept;
      const v1::RecordSet all = Decode(batch->payload, batch->compression);
      for (uint64_t offset = first; offset < end; ++offset) {
        const int i = static_cast<int>(offset - batch->base_offset);
        if (!Matches(all.records(i), options.filter())) continue;
        *kept.add_records() = all.records(i);
        delivered.add_offset_deltas(static_cast<uint32_t>(i));
      }
      if (kept.records_size() == 0) continue;
      delivered.set_record_count(static_cast<uint32_t>(kept.records_size()));
      *records += delivered.record_count();
      const std::string bytes = kept.SerializeAsString();
      delivered.set_payload_crc32c(Crc32c(std::string_view(bytes)));
      *delivered.mutable_records() = kept;
      delivered.set_reencoded(true);
    } else {
      delivered.set_record_count(batch->record_count);
      delivered.set_first_record(
          static_cast<uint32_t>(first - batch->base_offset));
      delivered.set_last_record(
          static_cast<uint32_t>(end - 1 - batch->base_offset));
      *records += end - first;
      delivered.set_compression(batch->compression);
      delivered.set_payload_crc32c(Crc32c(std::string_view(batch->payload)));
      if (batch->compression == v1::COMPRESSION_UNSPECIFIED) {
        delivered.mutable_records()->ParseFromString(batch->payload);
      } else {
        delivered.set_compressed_records(batch->payload);
      }
    }
    *message->add_batches() = std::move(delivered);
  }
  message->set_next_offset(*next);
  message->set_end_offset(partition->end_offset);
  return grpc::Status::OK;
}

void FakeLog::EvictSessions() {
  MutexLock lock(&mutex_);
  for (auto& [key, partition] : partitions_) {
    partition.producers.clear();
    evicted_below_ = std::max(evicted_below_, partition.end_offset);
  }
}

void FakeLog::ForgetResults() {
  MutexLock lock(&mutex_);
  for (auto& [key, partition] : partitions_) {
    for (auto& [id, producer] : partition.producers) producer.results.clear();
  }
}

void FakeLog::Trim(const std::string& topic, uint32_t partition,
                   uint64_t offset) {
  MutexLock lock(&mutex_);
  Find(topic, partition)->first_offset = offset;
}

std::vector<FakeRecord> FakeLog::Records(const std::string& topic,
                                         uint32_t partition) {
  MutexLock lock(&mutex_);
  std::vector<FakeRecord> records;
  for (const StoredBatch& batch : Find(topic, partition)->batches) {
    const v1::RecordSet set = Decode(batch.payload, batch.compression);
    for (const v1::Record& record : set.records()) {
      records.push_back({records.size(), record});
    }
  }
  return records;
}

std::vector<uint32_t> FakeLog::BatchSizes(const std::string& topic,
                                          uint32_t partition) {
  MutexLock lock(&mutex_);
  std::vector<uint32_t> sizes;
  for (const StoredBatch& batch : Find(topic, partition)->batches) {
    sizes.push_back(batch.record_count);
  }
  return sizes;
}

std::vector<v1::Compression> FakeLog::BatchCodecs(const std::string& topic,
                                                  uint32_t partition) {
  MutexLock lock(&mutex_);
  std::vector<v1::Compression> codecs;
  for (const StoredBatch& batch : Find(topic, partition)->batches) {
    codecs.push_back(batch.compression);
  }
  return codecs;
}

void FakeLog::Wake() {
  MutexLock lock(&mutex_);
  appended_changed_.SignalAll();
}

uint64_t FakeLog::WaitForAppend(uint64_t appended, int64_t timeout_us) {
  MutexLock lock(&mutex_);
  if (appended_ <= appended) appended_changed_.WaitFor(&mutex_, timeout_us);
  return appended_;
}

}  // namespace kappa::tests
