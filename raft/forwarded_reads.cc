#include "raft/forwarded_reads.h"

#include <cstddef>
#include <utility>

#include "proto/wire/check.h"
#include "raft/mutant.h"

namespace kappa::raft {

void ForwardedReads::Add(uint64_t id) {
  reads_.PushBack(WaitingRead{id, 0, tick_});
  unasked_ = true;
}

void ForwardedReads::Ask(Context& context) {
  KAPPA_CHECK(context.leader().has_value(), "somebody to ask");
  if (unasked_) {
    newest_batch_ = context.NextReadBatch();
    for (size_t i = reads_.size(); i > 0 && reads_[i - 1].batch == 0; --i) {
      reads_[i - 1].batch = newest_batch_;
    }
    unasked_ = false;
  }
  asked_tick_ = tick_;
  Message request =
      context.NewMessage(MessageType::kReadRequest, *context.leader());
  request.read_id = newest_batch_;
  request.read_instance = context.instance();
  context.Send(std::move(request));
}

void ForwardedReads::OnReadResponse(Context& context, const Message& response) {
  if (response.from != context.leader() ||
      (response.read_instance != context.instance() &&
       !KAPPA_MUTANT(kReadOfFormerInstance))) {
    return;
  }
  while (!reads_.empty() && reads_.front().batch != 0 &&
         reads_.front().batch <= response.read_id) {
    if (response.granted) {
      context.ConfirmRead(reads_.front().id, response.read_index);
    } else {
      context.RefuseRead(reads_.front().id);
    }
    reads_.PopFront();
  }
}

void ForwardedReads::Tick(Context& context) {
  reads_.ReleaseSpare();
  ++tick_;
  while (!reads_.empty() && tick_ - reads_.front().since_tick >=
                                context.options().election_ticks) {
    context.RefuseRead(reads_.front().id);
    reads_.PopFront();
  }
  if (reads_.empty()) {
    unasked_ = false;
  } else if (context.leader() &&
             tick_ - asked_tick_ >= context.options().heartbeat_ticks) {
    Ask(context);
  }
}

void ForwardedReads::RefuseAll(Context& context) {
  while (!reads_.empty()) {
    context.RefuseRead(reads_.front().id);
    reads_.PopFront();
  }
  unasked_ = false;
}

}  // namespace kappa::raft
