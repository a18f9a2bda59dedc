#include "raft/catch_up.h"

#include <utility>

#include "proto/wire/check.h"
#include "raft/received_entries.h"

namespace kappa::raft {

void CatchUp::OnHeartbeat(Context& context, ReplicaId donor, EntryId verified) {
  if (verified.index > position_.index) position_ = verified;
  // The leader has not heard how far this replica is: an acknowledgement was
  // lost, and no donor may have more that would bring another.
  if (verified.index < position_.index) Acknowledge(context);
  if (donor != donor_) awaiting_ = false;
  donor_ = donor;
  exhausted_ = false;
  if (MayAsk(context)) Ask(context);
}

bool CatchUp::MayAsk(const Context& context) const {
  return !awaiting_ && !exhausted_ && !context.disk_full() &&
         !unsynced_.Full(context.options().in_flight_entries_max,
                         context.options().in_flight_bytes_max);
}

void CatchUp::Ask(Context& context) {
  // A base that was installed meanwhile is as good as the entries below it.
  if (position_.index < context.log().base().index) {
    position_ = context.log().base();
  }
  awaiting_ = true;
  waited_ticks_ = 0;
  Message request = context.NewMessage(MessageType::kFetchRequest, donor_);
  request.previous = position_;
  context.Send(std::move(request));
}

void CatchUp::OnFetchResponse(Context& context, const Message& response) {
  if (!awaiting_ || response.from != donor_ || response.previous != position_ ||
      !WellFormed(response) || context.disk_full()) {
    return;
  }
  awaiting_ = false;
  waited_ticks_ = 0;
  if (!response.granted || response.entries.empty()) {
    exhausted_ = true;
    return;
  }
  const LogIndex durable = context.durable();
  if (!Holds(context.log(), response.previous) ||
      !TakeEntries(context, response)) {
    exhausted_ = true;
    return;
  }
  position_ = response.entries.back().id;
  context.CommitUpTo(position_.index);
  if (position_.index > durable) {
    uint64_t payload_bytes = 0;
    for (const EntryMeta& entry : response.entries) {
      payload_bytes += entry.payload_bytes;
    }
    unsynced_.Push(position_.index, response.entries.size(), payload_bytes);
  }
  Acknowledge(context);
  if (MayAsk(context)) Ask(context);
}

// Names no beat and no round: it answers nothing that the leader asked.
void CatchUp::Acknowledge(Context& context) {
  if (!context.leader()) return;
  Message response =
      context.NewMessage(MessageType::kAppendResponse, *context.leader());
  response.granted = true;
  response.previous = position_;
  response.match = context.CountsUpTo(position_.index);
  response.priority = context.options().priority;
  if (position_.index > context.durable()) {
    context.SendAfterDurable(std::move(response));
  } else {
    context.Send(std::move(response));
  }
}

void CatchUp::OnDurable(Context& context) {
  unsynced_.PopUpTo(context.durable());
  if (MayAsk(context)) Ask(context);
}

void CatchUp::Tick(Context& context) {
  if (!awaiting_ || ++waited_ticks_ < kSilentHeartbeatsMax *
                                          context.options().heartbeat_ticks) {
    return;
  }
  awaiting_ = false;
  if (MayAsk(context)) Ask(context);
}

}  // namespace kappa::raft
