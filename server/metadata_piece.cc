#include "server/metadata_piece.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace kappa::server {
namespace {

using storage::StoredEntry;
using storage::v1::MetadataCommand;

// So many that a shard applies them without being away for long.
constexpr size_t kPieceBytes = 64 << 10;

}  // namespace

absl::StatusOr<std::optional<MetadataCommand>> CommandOf(
    const StoredEntry& entry) {
  if (!raft::UsesOffsets(entry.header.kind)) return std::nullopt;
  MetadataCommand command;
  if (command.ParseFromString(entry.payload.ToString())) return command;
  return absl::DataLossError(absl::StrCat("the metadata command at index ",
                                          entry.header.index.value(),
                                          " cannot be decoded"));
}

absl::StatusOr<MetadataPiece> ReadMetadataPiece(const storage::LogStore& store,
                                                ReplicaNumber replica,
                                                LogIndex from, LogIndex last) {
  absl::StatusOr<std::vector<StoredEntry>> entries =
      store.Read(replica, from, last, kPieceBytes, storage::ReadClass::kPoint);
  if (!entries.ok()) return entries.status();
  MetadataPiece piece;
  for (const StoredEntry& entry : *entries) {
    absl::StatusOr<std::optional<MetadataCommand>> command = CommandOf(entry);
    if (!command.ok()) return command.status();
    if (command->has_value() && (*command)->has_open_producer()) {
      const std::string& name = (*command)->open_producer().name();
      if (!piece.rows.contains(name)) {
        auto row = ReadNamedProducer(store, name);
        if (!row.ok()) return row.status();
        piece.rows.emplace(name, *std::move(row));
      }
    }
    piece.entries.push_back(
        {{entry.header.term, entry.header.index}, *std::move(command)});
  }
  return piece;
}

}  // namespace kappa::server
