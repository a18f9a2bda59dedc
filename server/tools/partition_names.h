// PartitionNames: which group is which partition, as a directory's metadata
// says.
#ifndef KAPPA_SERVER_TOOLS_PARTITION_NAMES_H_
#define KAPPA_SERVER_TOOLS_PARTITION_NAMES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "proto/wire/types.h"
#include "storage/directory_view.h"

namespace kappa::server {

// Thread safety: thread-compatible.
class PartitionNames {
 public:
  // What can be read of the metadata rows; rows that cannot are left out.
  static PartitionNames Load(const storage::DirectoryView& view);

  // "orders/3", "metadata" for group 0, "group 17" for one without a name.
  std::string NameOf(GroupId group) const;
  std::optional<GroupId> Find(const std::string& topic,
                              uint32_t partition) const;

 private:
  std::map<GroupId, std::pair<std::string, uint32_t>> names_;
  std::map<std::pair<std::string, uint32_t>, GroupId> groups_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOOLS_PARTITION_NAMES_H_
