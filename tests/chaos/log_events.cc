#include "tests/chaos/log_events.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "client/cpp/error.h"
#include "proto/wire/string_view.h"

namespace kappa::chaos {

using checker::Event;
using checker::EventBatch;
using checker::EventType;

std::string Hex(std::string_view bytes) {
  return absl::BytesToHexString(ToAbsl(bytes));
}

Event AppendInvocation(uint64_t process, std::string partition,
                       const MadeBatch& batch) {
  Event event;
  event.process = process;
  event.partition = std::move(partition);
  event.values = batch.names;
  event.digests = batch.digests;
  return event;
}

Event AppendAnswer(uint64_t op, const std::string& node,
                   const v1::AppendResponse& response) {
  Event event;
  event.type = EventType::kOk;
  event.op = op;
  event.node = node;
  event.offset = response.base_offset();
  event.append_time_us = response.append_time_us();
  event.chain = Hex(response.chain_digest());
  return event;
}

Event Failure(uint64_t op, const std::string& node,
              const absl::Status& status) {
  Event event;
  event.type =
      client::IsDefinite(status) ? EventType::kFail : EventType::kUnknown;
  event.op = op;
  event.node = node;
  event.reason = client::ReasonNameOf(status);
  if (event.reason.empty()) event.reason = std::string(status.ToString());
  return event;
}

std::vector<EventBatch> DeliveredEvents(
    const google::protobuf::RepeatedPtrField<v1::DeliveredBatch>& batches) {
  std::vector<EventBatch> events;
  for (const v1::DeliveredBatch& batch : batches) {
    EventBatch event;
    event.offset = batch.base_offset();
    event.append_time_us = batch.append_time_us();
    // Of a part, the digest would be that of the whole batch's end.
    if (!batch.reencoded() && !batch.chain_digest().empty()) {
      event.chain = Hex(batch.chain_digest());
    }
    for (const v1::Record& record : batch.records().records()) {
      event.values.push_back(ValueMaker::NameOf(record.value()));
      event.digests.push_back(ValueMaker::DigestOf(record.value()));
    }
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace kappa::chaos
