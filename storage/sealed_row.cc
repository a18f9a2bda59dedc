#include "storage/sealed_row.h"

#include <cstdio>

#include "absl/status/status.h"
#include "proto/wire/wire_format.h"
#include "storage/row_format.h"

namespace kappa::storage {
namespace {

// Small numbers of either sign as small unsigned ones.
uint64_t ZigZag(uint64_t value) {
  return value << 1 ^ (value >> 63 != 0 ? ~uint64_t{0} : 0);
}
uint64_t UnZigZag(uint64_t value) {
  return value >> 1 ^ ((value & 1) != 0 ? ~uint64_t{0} : 0);
}

// Varints, each next to the one of the same kind before: a replica takes about
// 20 bytes.
std::string EncodeReplicas(const std::vector<SealedReplica>& replicas) {
  std::string out;
  uint64_t last_replica = 0;
  uint64_t last_time = 0;
  for (const SealedReplica& replica : replicas) {
    const uint64_t number = replica.replica.value();
    const uint64_t time = static_cast<uint64_t>(replica.row.append_time_us);
    AppendVarint(&out, number - last_replica);
    AppendVarint(&out, ZigZag(replica.key_replica.value() - number));
    AppendVarint(&out, replica.row.first.value());
    AppendVarint(&out, replica.row.offset.value());
    AppendVarint(&out, ZigZag(time - last_time));
    AppendVarint(&out, replica.entries);
    AppendVarint(&out, replica.bytes);
    last_replica = number;
    last_time = time;
  }
  return out;
}

bool DecodeReplicas(std::string_view in, std::vector<SealedReplica>* out) {
  uint64_t last_replica = 0;
  uint64_t last_time = 0;
  while (!in.empty()) {
    uint64_t field[7];
    for (uint64_t& value : field) {
      if (!ReadVarint(&in, &value)) return false;
    }
    SealedReplica replica;
    last_replica += field[0];
    last_time += UnZigZag(field[4]);
    replica.replica = ReplicaNumber(last_replica);
    replica.key_replica = ReplicaNumber(last_replica + UnZigZag(field[1]));
    replica.row.first = LogIndex(field[2]);
    replica.row.offset = Offset(field[3]);
    replica.row.append_time_us = static_cast<int64_t>(last_time);
    replica.entries = field[5];
    replica.bytes = field[6];
    out->push_back(replica);
  }
  return true;
}

std::string EncodeRuns(const std::vector<SealedRun>& runs) {
  std::string out;
  uint64_t last_replica = 0;
  for (const SealedRun& run : runs) {
    AppendVarint(&out, run.key_replica.value() - last_replica);
    AppendVarint(&out, run.file);
    AppendVarint(&out, run.first.value());
    AppendVarint(&out, run.last.value() - run.first.value());
    last_replica = run.key_replica.value();
  }
  return out;
}

bool DecodeRuns(std::string_view in, size_t files,
                std::vector<SealedRun>* out) {
  uint64_t last_replica = 0;
  while (!in.empty()) {
    uint64_t field[4];
    for (uint64_t& value : field) {
      if (!ReadVarint(&in, &value)) return false;
    }
    if (field[1] >= files || field[2] + field[3] < field[2]) return false;
    last_replica += field[0];
    SealedRun run;
    run.key_replica = ReplicaNumber(last_replica);
    run.file = static_cast<uint32_t>(field[1]);
    run.first = LogIndex(field[2]);
    run.last = LogIndex(field[2] + field[3]);
    out->push_back(run);
  }
  return true;
}

void WriteFile(const SealedFile& file, RowWriter* row) {
  row->Bytes(file.name);
  row->Number(file.bytes);
  row->Number32(file.crc32c);
  row->Number(file.first_replica.value());
  row->Number(file.first_index.value());
  row->Number(file.last_replica.value());
  row->Number(file.last_index.value());
}

SealedFile ReadFile(RowReader* row) {
  SealedFile file;
  file.name = std::string(row->Bytes());
  file.bytes = row->Number();
  file.crc32c = row->Number32();
  file.first_replica = ReplicaNumber(row->Number());
  file.first_index = LogIndex(row->Number());
  file.last_replica = ReplicaNumber(row->Number());
  file.last_index = LogIndex(row->Number());
  return file;
}

}  // namespace

std::string EncodeDirectoryRow(const DirectoryRow& row) {
  RowWriter writer;
  writer.Number(row.first.value());
  writer.Number(row.offset.value());
  writer.Number(static_cast<uint64_t>(row.append_time_us));
  return std::move(writer).Finish();
}

absl::StatusOr<DirectoryRow> DecodeDirectoryRow(std::string_view bytes) {
  RowReader reader(bytes);
  DirectoryRow row;
  row.first = LogIndex(reader.Number());
  row.offset = Offset(reader.Number());
  row.append_time_us = static_cast<int64_t>(reader.Number());
  if (!reader.Finish()) {
    return absl::DataLossError("decode directory row: damaged");
  }
  return row;
}

std::string EncodeSealedRow(const SealedRow& row) {
  RowWriter writer;
  writer.Number(row.segment.value());
  writer.Number32(row.generation);
  writer.Number32(static_cast<uint32_t>(row.files.size()));
  for (const SealedFile& file : row.files) WriteFile(file, &writer);
  writer.Bytes(EncodeReplicas(row.replicas));
  writer.Bytes(EncodeRuns(row.runs));
  return std::move(writer).Finish();
}

absl::StatusOr<SealedRow> DecodeSealedRow(std::string_view bytes) {
  RowReader reader(bytes);
  SealedRow row;
  row.segment = SegmentNumber(reader.Number());
  row.generation = reader.Number32();
  const uint32_t files = reader.Number32();
  for (uint32_t i = 0; i < files && reader.good(); ++i) {
    row.files.push_back(ReadFile(&reader));
  }
  const std::string_view replicas = reader.Bytes();
  const std::string_view runs = reader.Bytes();
  if (!reader.Finish() || row.segment > kSegmentNumberMax ||
      !DecodeReplicas(replicas, &row.replicas) ||
      !DecodeRuns(runs, row.files.size(), &row.runs)) {
    return absl::DataLossError("decode sealed row: damaged");
  }
  return row;
}

std::string SealedFolderName(SegmentNumber segment, uint32_t generation) {
  char name[40];
  std::snprintf(name, sizeof(name), "%016llx-%u",
                static_cast<unsigned long long>(segment.value()), generation);
  return name;
}

}  // namespace kappa::storage
