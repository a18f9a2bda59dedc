// MetadataPiece: a part of the metadata group's log, read from the store to be
// applied.
#ifndef KAPPA_SERVER_METADATA_PIECE_H_
#define KAPPA_SERVER_METADATA_PIECE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/storage/v1/metadata.pb.h"
#include "proto/wire/types.h"
#include "raft/entry.h"
#include "server/producer_registry.h"
#include "storage/log_store.h"

namespace kappa::server {

struct MetadataPiece {
  struct Entry {
    raft::EntryId id;
    // Absent: a control entry.
    std::optional<storage::v1::MetadataCommand> command;
  };
  std::vector<Entry> entries;
  // Rows of the producers that the commands open, by name; nullopt: there is
  // none.
  absl::flat_hash_map<std::string, std::optional<NamedProducer>> rows;
};

// The command of an entry; absent: a control entry. Errors: DATA_LOSS: it
// cannot be decoded.
absl::StatusOr<std::optional<storage::v1::MetadataCommand>> CommandOf(
    const storage::StoredEntry& entry);

// Some entries from `from` on, at least one, at most until `last`. Waits for
// the disk. The rows count only if every change of them is durable by now.
// Requires: the log holds `from`. Errors: those of the store; DATA_LOSS: a
// command or a row cannot be decoded.
absl::StatusOr<MetadataPiece> ReadMetadataPiece(const storage::LogStore& store,
                                                ReplicaNumber replica,
                                                LogIndex from, LogIndex last);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_METADATA_PIECE_H_
