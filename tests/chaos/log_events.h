// Between the API's messages and the events of a history.
#ifndef KAPPA_TESTS_CHAOS_LOG_EVENTS_H_
#define KAPPA_TESTS_CHAOS_LOG_EVENTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "kappa/v1/log_service.pb.h"
#include "tests/chaos/value_maker.h"
#include "tests/checker/event.h"

namespace kappa::chaos {

// Lower-case hexadecimal digits.
std::string Hex(std::string_view bytes);

// The invocation of an append of `batch`.
checker::Event AppendInvocation(uint64_t process, std::string partition,
                                const MadeBatch& batch);

// The answer to an append.
checker::Event AppendAnswer(uint64_t op, const std::string& node,
                            const v1::AppendResponse& response);

// The end of any operation that failed: definitely or not, with the reason.
checker::Event Failure(uint64_t op, const std::string& node,
                       const absl::Status& status);

// What an exact read delivered, uncompressed.
std::vector<checker::EventBatch> DeliveredEvents(
    const google::protobuf::RepeatedPtrField<v1::DeliveredBatch>& batches);

// A gap, when the answer has one.
template <typename Response>
std::vector<checker::EventGap> GapsOf(const Response& response) {
  if (!response.has_gap()) return {};
  return {{response.gap().first_offset(), response.gap().next_offset()}};
}

}  // namespace kappa::chaos

#endif  // KAPPA_TESTS_CHAOS_LOG_EVENTS_H_
