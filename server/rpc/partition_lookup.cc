#include "server/rpc/partition_lookup.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/string_view.h"
#include "server/errors.h"

namespace kappa::server {
namespace {

// A name from a request in a message: what is not printable is escaped.
std::string Printable(std::string_view name) {
  return absl::CHexEscape(ToAbsl(name.substr(0, 200)));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TopicSnapshot>> FindTopic(
    const Node& node, std::string_view topic, std::string_view topic_uuid) {
  if (!topic_uuid.empty() && topic_uuid.size() != sizeof(Uuid)) {
    return MakeError(
        v1::ERROR_REASON_MALFORMED_REQUEST,
        absl::StrCat("topic_uuid has ", topic_uuid.size(), " bytes, not 16"));
  }
  std::shared_ptr<const TopicSnapshot> found = node.FindTopic(topic);
  if (found == nullptr) {
    return MakeError(
        v1::ERROR_REASON_TOPIC_NOT_FOUND,
        absl::StrCat("topic \"", Printable(topic), "\" does not exist"),
        {{"topic", Printable(topic)}});
  }
  if (!topic_uuid.empty() && topic_uuid != UuidBytes(found->uuid)) {
    return MakeError(
        v1::ERROR_REASON_TOPIC_UUID_MISMATCH,
        absl::StrCat("topic ", found->topic.name(), " has UUID ",
                     absl::BytesToHexString(ToAbsl(UuidBytes(found->uuid))),
                     ", the request names ",
                     absl::BytesToHexString(ToAbsl(topic_uuid))),
        {{"topic", found->topic.name()}});
  }
  return found;
}

absl::StatusOr<FoundPartition> FindPartition(const Node& node,
                                             std::string_view topic,
                                             std::string_view topic_uuid,
                                             uint32_t partition) {
  absl::StatusOr<std::shared_ptr<const TopicSnapshot>> found =
      FindTopic(node, topic, topic_uuid);
  if (!found.ok()) return found.status();
  const std::vector<GroupId>& groups = (*found)->groups;
  if (partition >= groups.size()) {
    return MakeError(
        v1::ERROR_REASON_PARTITION_NOT_FOUND,
        absl::StrCat("topic ", (*found)->topic.name(), " has no partition ",
                     partition, ", it has ", groups.size()),
        {{"topic", (*found)->topic.name()},
         {"partition", absl::StrCat(partition)},
         {"partitions", absl::StrCat(groups.size())}});
  }
  const GroupId group = groups[partition];
  return FoundPartition{*std::move(found), group};
}

bool MayBeBehind(const absl::Status& error) {
  if (error.ok()) return false;
  const std::string reason = ErrorInfoOf(error).reason();
  return reason == "TOPIC_NOT_FOUND" || reason == "PARTITION_NOT_FOUND" ||
         reason == "TOPIC_UUID_MISMATCH";
}

}  // namespace kappa::server
