#include "storage/recovered_state.h"

#include <cstring>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "storage/fixed_width.h"
#include "storage/group_row.h"
#include "storage/keys.h"
#include "storage/rocks_status.h"

namespace kappa::storage {
namespace {

// The value of a row that could be decoded.
template <typename T>
absl::Status Keep(absl::StatusOr<T> decoded, T* kept) {
  if (!decoded.ok()) return decoded.status();
  *kept = *std::move(decoded);
  return absl::OkStatus();
}

bool KeyHasNumbers(std::string_view key, size_t numbers) {
  return key.size() == 1 + numbers * sizeof(uint64_t);
}

absl::Status ReadDirectoryRow(std::string_view key, std::string_view value,
                              RecoveredState* state) {
  if (!KeyHasNumbers(key, 2)) return absl::DataLossError("a key is damaged");
  const SegmentNumber segment(NumberOfMetaKey(key, 0));
  const ReplicaNumber replica(NumberOfMetaKey(key, 1));
  return Keep(DecodeDirectoryRow(value), &state->directory[{segment, replica}]);
}

absl::Status ReadEvidenceRow(std::string_view key, std::string_view value,
                             RecoveredState* state) {
  Uuid disk{};
  if (key.size() != 1 + disk.size() + sizeof(uint64_t)) {
    return absl::DataLossError("a key is damaged");
  }
  std::memcpy(disk.data(), key.data() + 1, disk.size());
  const auto open_id = LoadBigEndian<uint64_t>(key.data() + 1 + disk.size());
  return Keep(DecodeEvidenceRow(value), &state->evidence[{disk, open_id}]);
}

// The entry itself is checked by whoever reads it.
absl::Status ReadRepairedKey(std::string_view key, RecoveredState* state) {
  if (!KeyHasNumbers(key, 2)) return absl::DataLossError("a key is damaged");
  state->repaired.emplace_back(ReplicaNumber(NumberOfMetaKey(key, 0)),
                               LogIndex(NumberOfMetaKey(key, 1)));
  return absl::OkStatus();
}

absl::Status ReadRow(std::string_view key, std::string_view value,
                     RecoveredState* state) {
  const MetaRow kind = static_cast<MetaRow>(key.front());
  if (kind == MetaRow::kFloor) {
    return Keep(DecodeFloorRow(value), &state->floor.emplace());
  }
  if (kind == MetaRow::kDirectory) return ReadDirectoryRow(key, value, state);
  if (kind == MetaRow::kEvidence) return ReadEvidenceRow(key, value, state);
  if (kind == MetaRow::kRepaired) return ReadRepairedKey(key, state);
  if (!KeyHasNumbers(key, 1)) return absl::DataLossError("a key is damaged");
  const uint64_t number = NumberOfMetaKey(key);
  switch (kind) {
    case MetaRow::kCycle:
      return Keep(DecodeCycleRow(value), &state->cycles.emplace_back());
    case MetaRow::kOpen:
      return Keep(DecodeOpenRow(value), &state->opens.emplace_back());
    case MetaRow::kGroup:
      return Keep(DecodeGroupRow(value),
                  &state->positions[ReplicaNumber(number)]);
    case MetaRow::kReplica:
      return Keep(DecodeReplicaRow(value),
                  &state->replicas[ReplicaNumber(number)]);
    case MetaRow::kSegment:
      return Keep(DecodeSealedRow(value), &state->sealed.emplace_back());
    default:
      return absl::DataLossError(
          absl::StrCat("unknown kind of row ", static_cast<int>(kind)));
  }
}

}  // namespace

absl::StatusOr<RecoveredState> ReadRecoveredState(
    const RocksDatabase& database) {
  RecoveredState state;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(
      database.db()->NewIterator(options, database.meta()));
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    const std::string_view key(at->key().data(), at->key().size());
    if (key.empty()) return absl::DataLossError("a row without a key");
    const absl::Status status =
        ReadRow(key, {at->value().data(), at->value().size()}, &state);
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("family meta, row ",
                                                      at->key().ToString(true),
                                                      ": ", status.message()));
    }
  }
  if (!at->status().ok()) {
    return FromRocksRead(at->status(), "read family meta");
  }
  return state;
}

}  // namespace kappa::storage
