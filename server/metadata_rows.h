// The rows of SideTable::kMetadata (proto/kappa/storage/v1/metadata.proto):
// their keys, and side rows that put or remove them.
#ifndef KAPPA_SERVER_METADATA_ROWS_H_
#define KAPPA_SERVER_METADATA_ROWS_H_

#include <string>
#include <string_view>

#include "google/protobuf/message_lite.h"
#include "storage/log_store.h"

namespace kappa::server {

inline constexpr std::string_view kAppliedKey = "a";
inline constexpr std::string_view kClusterKey = "c";
inline constexpr std::string_view kDeletedPrefix = "d/";      // + topic UUID
inline constexpr std::string_view kProducerPrefix = "p/";     // + name
inline constexpr std::string_view kTopicPrefix = "t/";        // + name
inline constexpr std::string_view kPendingDropPrefix = "x/";  // + topic UUID

inline std::string RowKey(std::string_view prefix, std::string_view rest) {
  return std::string(prefix) + std::string(rest);
}

inline storage::SideRow PutRow(std::string key,
                               const google::protobuf::MessageLite& row) {
  return {storage::SideTable::kMetadata, std::move(key),
          row.SerializeAsString()};
}

inline storage::SideRow RemoveRow(std::string key) {
  return {storage::SideTable::kMetadata, std::move(key), std::nullopt};
}

}  // namespace kappa::server

#endif  // KAPPA_SERVER_METADATA_ROWS_H_
