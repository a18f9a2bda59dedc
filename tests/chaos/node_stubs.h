// NodeStubs: plain stubs to every node of a cluster, without the SDK.
#ifndef KAPPA_TESTS_CHAOS_NODE_STUBS_H_
#define KAPPA_TESTS_CHAOS_NODE_STUBS_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kappa/v1/log_service.grpc.pb.h"
#include "kappa/v1/log_service.pb.h"

namespace kappa::chaos {

// One channel per node; nothing is repeated here. Every call has a deadline of
// kCallTimeout; errors are translated by client/cpp/error.h.
//
// Thread safety: thread-safe.
class NodeStubs {
 public:
  static constexpr absl::Duration kCallTimeout = absl::Seconds(1);

  explicit NodeStubs(const std::vector<std::string>& addresses);

  size_t size() const { return stubs_.size(); }
  // "n1" for node 0 and so on.
  static std::string NameOf(size_t node);
  v1::LogService::Stub& stub(size_t node) { return *stubs_[node]; }

  absl::Status Append(size_t node, const v1::AppendRequest& request,
                      v1::AppendResponse* response);
  absl::Status Read(size_t node, const v1::ReadRequest& request,
                    v1::ReadResponse* response);
  absl::Status GetOffsets(size_t node, const v1::GetOffsetsRequest& request,
                          v1::GetOffsetsResponse* response);
  absl::Status OpenProducer(size_t node, const v1::OpenProducerRequest& request,
                            v1::OpenProducerResponse* response);

  // The node that an error names as leader, else `otherwise`.
  size_t LeaderIn(const absl::Status& status, size_t otherwise) const;

 private:
  const std::vector<std::string> addresses_;
  std::vector<std::unique_ptr<v1::LogService::Stub>> stubs_;
};

}  // namespace kappa::chaos

#endif  // KAPPA_TESTS_CHAOS_NODE_STUBS_H_
