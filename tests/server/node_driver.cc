#include "tests/server/node_driver.h"

#include <utility>

#include "proto/wire/check.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/record_set.h"
#include "proto/wire/sha256.h"
#include "server/errors.h"
#include "tests/server/awaited.h"

namespace kappa::server {

CheckedBatch BatchOf(const std::vector<std::string>& values) {
  RecordSetEncoder encoder;
  for (const std::string& value : values) {
    RecordView record;
    record.value = value;
    encoder.Add(record);
  }
  CheckedBatch batch;
  batch.record_count = encoder.record_count();
  batch.payload = Payload::FromString(encoder.Take());
  batch.payload_crc32c = Crc32c(batch.payload);
  batch.payload_sha256 = Sha256(batch.payload);
  return batch;
}

std::vector<std::string> ValuesOf(const ReadChunk& chunk) {
  std::vector<std::string> values;
  for (const storage::StoredEntry& entry : chunk.entries) {
    const std::string bytes = entry.payload.ToString();
    RecordSetReader reader(bytes);
    while (reader.Next()) {
      values.emplace_back(reader.record().value.value_or("absent"));
    }
    KAPPA_CHECK(reader.status().ok(), "a stored batch can be read");
  }
  return values;
}

v1::ProducerSequence Sequence(std::string_view id, uint64_t epoch,
                              uint64_t sequence) {
  v1::ProducerSequence producer;
  producer.set_id(std::string(id));
  producer.set_epoch(epoch);
  producer.set_sequence(sequence);
  return producer;
}

std::string ReasonOf(const absl::Status& status) {
  return status.ok() ? "OK" : ErrorInfoOf(status).reason();
}

std::string FactOf(const absl::Status& status, const std::string& name) {
  const v1::ErrorInfo info = ErrorInfoOf(status);
  const auto found = info.metadata().find(name);
  return found == info.metadata().end() ? "" : found->second;
}

absl::StatusOr<v1::CreateTopicResponse> NodeDriver::CreateTopic(
    v1::CreateTopicRequest request) {
  Awaited<v1::CreateTopicResponse> answer;
  node().CreateTopic(std::move(request), answer.callback());
  return answer.Get();
}

void NodeDriver::MakeTopic(const std::string& name, uint32_t partitions) {
  v1::CreateTopicRequest request;
  request.set_name(name);
  request.set_partitions(partitions);
  request.set_deletion_protection(false);
  KAPPA_CHECK(CreateTopic(request).ok(), "the topic can be made");
}

absl::StatusOr<v1::UpdateTopicResponse> NodeDriver::UpdateTopic(
    v1::UpdateTopicRequest request) {
  Awaited<v1::UpdateTopicResponse> answer;
  node().UpdateTopic(std::move(request), answer.callback());
  return answer.Get();
}

absl::StatusOr<v1::DeleteTopicResponse> NodeDriver::DeleteTopic(
    const std::string& name) {
  v1::DeleteTopicRequest request;
  request.set_name(name);
  Awaited<v1::DeleteTopicResponse> answer;
  node().DeleteTopic(std::move(request), answer.callback());
  return answer.Get();
}

absl::StatusOr<v1::AddPartitionsResponse> NodeDriver::AddPartitions(
    const std::string& name, uint32_t partitions, bool accept) {
  v1::AddPartitionsRequest request;
  request.set_name(name);
  request.set_partitions(partitions);
  request.set_accept_key_movement(accept);
  Awaited<v1::AddPartitionsResponse> answer;
  node().AddPartitions(std::move(request), answer.callback());
  return answer.Get();
}

absl::StatusOr<v1::OpenProducerResponse> NodeDriver::OpenProducer(
    const std::string& name, const std::string& topic,
    std::vector<uint32_t> partitions) {
  v1::OpenProducerRequest request;
  request.set_name(name);
  request.set_topic(topic);
  request.mutable_partitions()->Add(partitions.begin(), partitions.end());
  Awaited<v1::OpenProducerResponse> answer;
  node().OpenProducer(std::move(request), answer.callback());
  return answer.Get();
}

absl::StatusOr<v1::GetProducerResponse> NodeDriver::GetProducer(
    const std::string& name, const std::string& topic,
    std::vector<uint32_t> partitions) {
  v1::GetProducerRequest request;
  request.set_name(name);
  request.set_topic(topic);
  request.mutable_partitions()->Add(partitions.begin(), partitions.end());
  Awaited<v1::GetProducerResponse> answer;
  node().GetProducer(std::move(request), answer.callback());
  return answer.Get();
}

GroupId NodeDriver::GroupOf(const std::string& topic, uint32_t partition) {
  const std::shared_ptr<const TopicSnapshot> found = node().FindTopic(topic);
  KAPPA_CHECK(found != nullptr, "the topic exists");
  return found->groups.at(partition);
}

absl::StatusOr<AppendResult> NodeDriver::Append(
    GroupId group, const std::vector<std::string>& values,
    std::optional<v1::ProducerSequence> producer,
    std::optional<uint64_t> expected_offset) {
  AppendCommand command;
  command.group = group;
  command.batch = BatchOf(values);
  command.producer = std::move(producer);
  if (expected_offset.has_value()) {
    command.expected_offset = Offset(*expected_offset);
  }
  Awaited<AppendResult> answer;
  node().Append(std::move(command), answer.callback());
  return answer.Get();
}

absl::StatusOr<PartitionEnd> NodeDriver::GetEnd(GroupId group) {
  Awaited<PartitionEnd> answer;
  node().GetEnd(group, v1::CONSISTENCY_UNSPECIFIED, answer.callback());
  return answer.Get();
}

absl::StatusOr<Offset> NodeDriver::FindTime(GroupId group, int64_t time_us) {
  Awaited<Offset> answer;
  node().FindTime(group, time_us, answer.callback());
  return answer.Get();
}

absl::StatusOr<ReadChunk> NodeDriver::Read(ReadCommand command) {
  Awaited<ReadChunk> answer;
  node().Read(std::move(command), answer.callback());
  return answer.Get();
}

std::vector<std::string> NodeDriver::ReadAll(GroupId group, uint64_t from,
                                             size_t bytes_max) {
  std::vector<std::string> values;
  ReadCommand command;
  command.group = group;
  command.from = Offset(from);
  command.until = Offset(~uint64_t{0});
  command.bytes_max = bytes_max;
  while (true) {
    absl::StatusOr<ReadChunk> chunk = Read(command);
    KAPPA_CHECK(chunk.ok(), "the log can be read");
    for (std::string& value : ValuesOf(*chunk)) {
      values.push_back(std::move(value));
    }
    if (chunk->next_offset == chunk->end_offset) return values;
    KAPPA_CHECK(chunk->next_offset > command.from, "a read makes progress");
    command.from = chunk->next_offset;
  }
}

}  // namespace kappa::server
