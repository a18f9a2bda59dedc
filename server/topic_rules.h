// What a topic may look like: names, limits, defaults (topic_service.proto).
#ifndef KAPPA_SERVER_TOPIC_RULES_H_
#define KAPPA_SERVER_TOPIC_RULES_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/v1/topic_service.pb.h"

namespace kappa::server {

inline constexpr uint32_t kTopicPartitionsMax = 10'000;
inline constexpr uint32_t kReplicasDefault = 3;  // fewer where nodes are fewer
inline constexpr size_t kNameBytesMax = 200;
inline constexpr size_t kDescriptionBytesMax = 1024;
inline constexpr int kLabelsMax = 64;
inline constexpr size_t kLabelNameBytesMax = 63;
inline constexpr size_t kLabelValueBytesMax = 255;

// Names of topics and producers: [A-Za-z0-9._-], 1 to 200 bytes, neither "."
// nor "..". `what` ("topic", "producer") is for the message.
// Errors: INVALID_NAME.
absl::Status CheckName(std::string_view what, std::string_view name);

// A refusal that names a limit and the value that passes it.
absl::Status LimitError(std::string_view limit, uint64_t max, uint64_t value);

// The topic that a request asks for, with every default filled in and labels
// and codecs ordered; `replicas` stays 0 where the request leaves it open; no
// UUID and no creation time yet.
// Errors: INVALID_NAME, LIMIT_EXCEEDED, MALFORMED_REQUEST (something twice),
// COMPRESSION_REFUSED (unknown codec).
absl::StatusOr<v1::Topic> TopicOf(const v1::CreateTopicRequest& request);

// Errors: TOO_FEW_NODES: there is no node for each of `replicas`.
absl::Status CheckReplicas(uint32_t replicas, uint32_t nodes);

// Whether an update is legal for any topic. Errors: as for TopicOf.
absl::Status CheckUpdate(const v1::UpdateTopicRequest& request);
// `topic` as a legal `request` changes it.
void ApplyUpdate(const v1::UpdateTopicRequest& request, v1::Topic* topic);

// Equal in everything that a request decides.
bool SameSettings(const v1::Topic& a, const v1::Topic& b);

// Errors: LIMIT_EXCEEDED. `partitions` is the new total.
absl::Status CheckPartitions(uint32_t partitions);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_TOPIC_RULES_H_
