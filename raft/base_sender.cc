#include "raft/base_sender.h"

#include <algorithm>
#include <utility>

#include "proto/wire/check.h"

namespace kappa::raft {

bool BaseSender::MaySend(uint64_t chunk_bytes) const {
  if (last_sent_) return false;
  return answered_ ? sent_ - acknowledged_ < 2 * chunk_bytes : !awaiting_;
}

std::shared_ptr<const BaseChunk> BaseSender::Next(uint64_t chunk_bytes) {
  KAPPA_CHECK(chunk_bytes > 0, "chunks move on");
  KAPPA_CHECK(MaySend(chunk_bytes), "one chunk too many");
  auto chunk = std::make_shared<BaseChunk>();
  chunk->base = *base_;
  chunk->offset = sent_;
  chunk->bytes = std::min(chunk_bytes, base_->state_bytes - sent_);
  sent_ += chunk->bytes;
  last_sent_ = chunk->last();
  awaiting_ = true;
  return chunk;
}

void BaseSender::RecordAnswer(bool taken, bool full, uint64_t chunk_end) {
  if (chunk_end > base_->state_bytes) return;
  if (!taken) {
    acknowledged_ = chunk_end;
    SendAgainFrom(chunk_end);
    full_ = full;
    awaiting_ = full;
    return;
  }
  full_ = false;
  answered_ = true;
  awaiting_ = false;
  if (chunk_end > acknowledged_) silent_heartbeats_ = 0;
  acknowledged_ = std::max(acknowledged_, chunk_end);
  sent_ = std::max(sent_, acknowledged_);
}

void BaseSender::RecordHeartbeat() {
  // The chunk that asks again may be lost like any other, so it is counted from
  // here on.
  if (std::exchange(full_, false)) {
    awaiting_ = false;
    return;
  }
  const bool waits = last_sent_ || awaiting_ || sent_ > acknowledged_;
  if (!waits || ++silent_heartbeats_ < kSilentHeartbeatsMax) return;
  SendAgainFrom(acknowledged_);
}

void BaseSender::SendAgainFrom(uint64_t offset) {
  sent_ = offset;
  last_sent_ = false;
  answered_ = false;
  awaiting_ = false;
  silent_heartbeats_ = 0;
}

void BaseSender::CheckInvariants() const {
  KAPPA_CHECK(acknowledged_ <= sent_, "acknowledged was sent");
  KAPPA_CHECK(sent_ <= base_->state_bytes, "sent exists");
}

}  // namespace kappa::raft
