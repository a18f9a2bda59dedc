#include "server/tools/partition_names.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "kappa/storage/v1/metadata.pb.h"
#include "server/metadata_rows.h"
#include "server/topic_registry.h"

namespace kappa::server {

PartitionNames PartitionNames::Load(const storage::DirectoryView& view) {
  PartitionNames names;
  if (!view.readable()) return names;
  const absl::Status scanned = view.ScanSideRows(
      storage::SideTable::kMetadata, kTopicPrefix,
      [&names](std::string_view, std::string_view value) {
        storage::v1::TopicRow row;
        if (!row.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          return true;
        }
        uint32_t partition = 0;
        for (const GroupId group : GroupsOf(row.groups())) {
          const std::pair key(row.topic().name(), partition++);
          names.names_.emplace(group, key);
          names.groups_.emplace(key, group);
        }
        return true;
      });
  (void)scanned;  // a damaged table names no more than this
  return names;
}

std::string PartitionNames::NameOf(GroupId group) const {
  if (group == GroupId(0)) return "metadata";
  const auto found = names_.find(group);
  if (found == names_.end()) return absl::StrCat("group ", group.value());
  return absl::StrCat(found->second.first, "/", found->second.second);
}

std::optional<GroupId> PartitionNames::Find(const std::string& topic,
                                            uint32_t partition) const {
  const auto found = groups_.find({topic, partition});
  if (found == groups_.end()) return std::nullopt;
  return found->second;
}

}  // namespace kappa::server
