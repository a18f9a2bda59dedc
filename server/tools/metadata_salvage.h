// MetadataSalvage: what the metadata group's log in a damaged directory says,
// as far as it is whole, whatever became of the rows made from it.
#ifndef KAPPA_SERVER_TOOLS_METADATA_SALVAGE_H_
#define KAPPA_SERVER_TOOLS_METADATA_SALVAGE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/types.h"
#include "server/identity.h"
#include "server/metadata_state.h"
#include "storage/directory_rebuild.h"
#include "storage/directory_view.h"

namespace kappa::server {

// Thread safety: thread-compatible.
class MetadataSalvage {
 public:
  // Reads the log from its first entry up to the first one that is not whole.
  // `epoch_min`: of every named producer from now on, so that no epoch which a
  // lost command gave out is given again.
  // Requires: view.readable().
  // Errors: DATA_LOSS: not even the first command is left.
  static absl::StatusOr<MetadataSalvage> Load(
      const storage::DirectoryView& view, const Identity& identity,
      uint64_t epoch_min);

  // For DirectoryRebuild.
  const storage::SoundMetadata& sound() const { return sound_; }
  std::optional<GroupId> GroupOfChain(const Digest& chain_start) const;
  // The newest row of each named producer, its epoch raised.
  std::vector<storage::SideRow> ProducerRows() const;

 private:
  absl::Status ReadLog(const storage::DirectoryView& view,
                       ReplicaNumber replica);
  absl::Status Apply(const storage::StoredEntry& entry);
  void NameGroups();

  MetadataState state_;
  LogIndex next_{1};  // to be applied
  storage::SoundMetadata sound_;
  std::map<Digest, GroupId> chains_;
};

// The row of a named producer with its epoch raised to at least `epoch_min`.
std::string RaiseEpoch(std::string_view producer_row, uint64_t epoch_min);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOOLS_METADATA_SALVAGE_H_
