// NodeDriver: what tests ask of a node, answered at once.
#ifndef KAPPA_TESTS_SERVER_NODE_DRIVER_H_
#define KAPPA_TESTS_SERVER_NODE_DRIVER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/v1/error.pb.h"
#include "proto/wire/types.h"
#include "server/node.h"
#include "tests/server/node_harness.h"

namespace kappa::server {

// A batch with one record per value.
CheckedBatch BatchOf(const std::vector<std::string>& values);
// The values of a chunk's records, in the order of its batches.
std::vector<std::string> ValuesOf(const ReadChunk& chunk);
// A producer's sequence; an epoch of 0 makes it an unnamed session.
v1::ProducerSequence Sequence(std::string_view id, uint64_t epoch,
                              uint64_t sequence);
// "TOPIC_NOT_FOUND" and the like; "OK" for OK.
std::string ReasonOf(const absl::Status& status);
// A fact of an error, or "".
std::string FactOf(const absl::Status& status, const std::string& name);

// Thread safety: thread-safe as the node.
class NodeDriver {
 public:
  explicit NodeDriver(NodeHarness* harness) : harness_(harness) {}
  Node& node() { return harness_->node(); }

  absl::StatusOr<v1::CreateTopicResponse> CreateTopic(
      v1::CreateTopicRequest request);
  // A topic without deletion protection; must succeed.
  void MakeTopic(const std::string& name, uint32_t partitions);
  absl::StatusOr<v1::UpdateTopicResponse> UpdateTopic(
      v1::UpdateTopicRequest request);
  absl::StatusOr<v1::DeleteTopicResponse> DeleteTopic(const std::string& name);
  absl::StatusOr<v1::AddPartitionsResponse> AddPartitions(
      const std::string& name, uint32_t partitions, bool accept);
  absl::StatusOr<v1::OpenProducerResponse> OpenProducer(
      const std::string& name, const std::string& topic,
      std::vector<uint32_t> partitions);
  absl::StatusOr<v1::GetProducerResponse> GetProducer(
      const std::string& name, const std::string& topic,
      std::vector<uint32_t> partitions);

  // Requires: the topic exists.
  GroupId GroupOf(const std::string& topic, uint32_t partition);
  absl::StatusOr<AppendResult> Append(
      GroupId group, const std::vector<std::string>& values,
      std::optional<v1::ProducerSequence> producer = std::nullopt,
      std::optional<uint64_t> expected_offset = std::nullopt);
  absl::StatusOr<PartitionEnd> GetEnd(GroupId group);
  absl::StatusOr<Offset> FindTime(GroupId group, int64_t time_us);
  absl::StatusOr<ReadChunk> Read(ReadCommand command);
  // All values from `from` to the end, read in pieces of `bytes_max`.
  std::vector<std::string> ReadAll(GroupId group, uint64_t from = 0,
                                   size_t bytes_max = 1 << 20);

 private:
  NodeHarness* const harness_;
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_NODE_DRIVER_H_
