// Admin: topics, offsets, named producers and bounded reads, one call each.
#ifndef KAPPA_CLIENT_CPP_ADMIN_H_
#define KAPPA_CLIENT_CPP_ADMIN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cpp/client.h"
#include "kappa/v1/log_service.pb.h"
#include "kappa/v1/maintenance_service.pb.h"
#include "kappa/v1/topic_service.pb.h"

namespace kappa::client {

// Blocking calls that are repeated with back-off while the error is retriable
// and the call timeout of the client has not passed. Requests and answers are
// the messages of the API, whose comments tell every field's unit and default.
//
// Errors, of every call: those of the API method (see kappa/v1/*.proto), read
// with client/cpp/error.h; UNAVAILABLE without a reason when no node answered.
//
// Thread safety: thread-safe; not to be called in callbacks of the SDK, on
// whose threads the answers come.
class Admin {
 public:
  explicit Admin(std::shared_ptr<Client> client);

  // Idempotent.
  absl::StatusOr<v1::CreateTopicResponse> CreateTopic(
      const v1::CreateTopicRequest& request);
  absl::StatusOr<v1::Topic> GetTopic(std::string_view name);
  // All topics whose name begins with `name_prefix`, by name; fetches pages.
  absl::StatusOr<std::vector<v1::Topic>> ListTopics(
      std::string_view name_prefix = "");
  // Idempotent.
  absl::StatusOr<v1::Topic> UpdateTopic(const v1::UpdateTopicRequest& request);
  // Repeated only after definite errors: after an indefinite one the topic may
  // be gone. Returns the UUID of the deleted topic.
  absl::StatusOr<std::string> DeleteTopic(
      const v1::DeleteTopicRequest& request);
  // Idempotent.
  absl::StatusOr<v1::Topic> AddPartitions(
      const v1::AddPartitionsRequest& request);

  absl::StatusOr<v1::GetOffsetsResponse> GetOffsets(
      const v1::GetOffsetsRequest& request);
  // GetOffsets of partitions 0 .. partitions - 1 at once, in order.
  absl::StatusOr<std::vector<v1::GetOffsetsResponse>> GetAllOffsets(
      const v1::GetOffsetsRequest& request, uint32_t partitions);

  // Each repetition raises the epoch once more, which is harmless.
  absl::StatusOr<v1::OpenProducerResponse> OpenProducer(
      const v1::OpenProducerRequest& request);
  absl::StatusOr<v1::GetProducerResponse> GetProducer(
      const v1::GetProducerRequest& request);

  // Of the first seed that answers, and of no other node.
  absl::StatusOr<v1::ScrubStatus> GetScrubStatus();
  // Idempotent. Returns the number of the pass that runs now.
  absl::StatusOr<uint64_t> StartScrub();

  // One bounded answer; use Replay for more.
  absl::StatusOr<v1::ReadResponse> Read(const v1::ReadRequest& request);

 private:
  const std::shared_ptr<Client> client_;
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_ADMIN_H_
