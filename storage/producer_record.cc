#include "storage/producer_record.h"

#include <algorithm>

#include "absl/status/status.h"
#include "proto/wire/wire_format.h"
#include "storage/fixed_width.h"
#include "storage/row_format.h"

namespace kappa::storage {
namespace {

// Kinds of rows; the letters are stored on disk.
constexpr char kCheckpointRow = 'C';
constexpr char kNamedRow = 'N';
constexpr char kUnnamedRow = 'U';

std::string EncodeResults(const std::vector<ProducerResult>& results) {
  std::string out;
  ProducerResult last;
  for (const ProducerResult& result : results) {
    AppendVarint(&out, result.sequence - last.sequence);
    AppendVarint(&out, result.index.value() - last.index.value());
    last = result;
  }
  return out;
}

bool DecodeResults(std::string_view in, std::vector<ProducerResult>* results) {
  ProducerResult last;
  while (!in.empty()) {
    uint64_t sequence = 0;
    uint64_t index = 0;
    if (!ReadVarint(&in, &sequence) || !ReadVarint(&in, &index)) return false;
    last.sequence += sequence;
    last.index = last.index + index;
    results->push_back(last);
  }
  return true;
}

}  // namespace

void ProducerRecord::Fold(const ProducerEntry& entry) {
  epoch = std::max(epoch, entry.stamp.epoch);
  if (!entry.batch() || entry.stamp.sequence <= last_sequence) return;
  last_sequence = entry.stamp.sequence;
  last_index = entry.index;
  last_next_offset = entry.next_offset;
  state = entry.state;
  if (results.size() >= kProducerResultsMax) {
    const uint64_t dropped = results.front().sequence;
    if (dropped != stored_through + 1) stored_from = dropped;
    stored_through = dropped;
    results.erase(results.begin());
  }
  results.push_back({entry.stamp.sequence, entry.index});
}

void ProducerRecord::ForgetBelow(uint64_t sequence) {
  stored_from = sequence;
  stored_through = sequence - 1;
}

std::string EncodeProducerRecord(const ProducerRecord& record) {
  RowWriter writer;
  writer.Number(record.epoch);
  writer.Number(record.last_sequence);
  writer.Number(record.last_index.value());
  writer.Number(record.last_next_offset.value());
  writer.Number(record.stored_through);
  writer.Byte(record.state.has_value() ? 1 : 0);
  writer.Bytes(record.state.has_value() ? *record.state : std::string_view());
  writer.Bytes(EncodeResults(record.results));
  if (record.stored_from != 1) writer.Number(record.stored_from);
  return std::move(writer).Finish();
}

absl::StatusOr<ProducerRecord> DecodeProducerRecord(std::string_view bytes) {
  RowReader reader(bytes);
  ProducerRecord record;
  record.epoch = reader.Number();
  record.last_sequence = reader.Number();
  record.last_index = LogIndex(reader.Number());
  record.last_next_offset = Offset(reader.Number());
  record.stored_through = reader.Number();
  const bool has_state = reader.Byte() != 0;
  const std::string_view state = reader.Bytes();
  if (has_state) record.state.emplace(state);
  const std::string_view results = reader.Bytes();
  if (reader.more()) record.stored_from = reader.Number();
  if (!reader.Finish() || !DecodeResults(results, &record.results)) {
    return absl::DataLossError("decode producer record: damaged");
  }
  return record;
}

std::string EncodeProducerCheckpoint(const ProducerCheckpoint& checkpoint) {
  RowWriter writer;
  writer.Number(checkpoint.index.value());
  writer.Number(checkpoint.evicted_offset.value());
  writer.Number(checkpoint.unnamed_sessions);
  return std::move(writer).Finish();
}

absl::StatusOr<ProducerCheckpoint> DecodeProducerCheckpoint(
    std::string_view bytes) {
  RowReader reader(bytes);
  ProducerCheckpoint checkpoint;
  checkpoint.index = LogIndex(reader.Number());
  checkpoint.evicted_offset = Offset(reader.Number());
  checkpoint.unnamed_sessions = reader.Number();
  if (!reader.Finish()) {
    return absl::DataLossError("decode producer checkpoint: damaged");
  }
  return checkpoint;
}

std::string ProducerRowsPrefix(ReplicaNumber replica) {
  std::string key;
  AppendBigEndian(replica.value(), &key);
  return key;
}

std::string ProducerCheckpointKey(ReplicaNumber replica) {
  return ProducerRowsPrefix(replica) + kCheckpointRow;
}

std::string UnnamedSessionsPrefix(ReplicaNumber replica) {
  return ProducerRowsPrefix(replica) + kUnnamedRow;
}

std::string ProducerRecordKey(ReplicaNumber replica, const ProducerKey& key) {
  std::string row = ProducerRowsPrefix(replica);
  row.push_back(key.named ? kNamedRow : kUnnamedRow);
  row.append(key.id.begin(), key.id.end());
  return row;
}

}  // namespace kappa::storage
