#include "client/cpp/partition_queue.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cpp/error.h"
#include "proto/wire/check.h"
#include "proto/wire/string_view.h"

namespace kappa::client {
namespace {

// Damaged on the way that often in a row, it is damaged where it comes from.
constexpr uint32_t kChecksumFailuresMax = 3;

absl::Status Undecided(const absl::Status& cause) {
  return MakeError(
      absl::StatusCode::kUnavailable, v1::ERROR_REASON_OUTCOME_UNKNOWN,
      ToStd(absl::StrCat("the append was sent and may have been stored: ",
                         cause.message())),
      /*definite=*/false);
}

}  // namespace

PartitionQueue::PartitionQueue(bool exact, uint32_t in_flight_max)
    : exact_(exact), in_flight_max_(in_flight_max) {
  KAPPA_CHECK(in_flight_max > 0, "in_flight_max");
}

void PartitionQueue::Push(std::shared_ptr<SealedBatch> batch) {
  batches_.push_back(std::move(batch));
}

void PartitionQueue::Open(uint64_t last_sequence) {
  KAPPA_CHECK(state_ == State::kClosed, "Open of an open queue");
  KAPPA_CHECK(next_ == 0, "batches in flight without a session");
  state_ = State::kOpen;
  assigned_sequence_ = last_sequence;
  last_sequence_ = last_sequence;
  acked_sequence_ = last_sequence;
}

void PartitionQueue::Resume() {
  KAPPA_CHECK(state_ == State::kWaiting, "Resume without a wait");
  state_ = State::kOpen;
}

std::optional<PartitionQueue::Attempt> PartitionQueue::TakeNext() {
  if (state_ != State::kOpen || next_ == batches_.size() ||
      in_flight_.size() >= InFlightMax() || !batches_[next_]->ready) {
    return std::nullopt;
  }
  Attempt attempt;
  attempt.batch = batches_[next_];
  attempt.serial = next_serial_++;
  if (exact_) {
    if (attempt.batch->sequence == 0) {
      attempt.batch->sequence = ++assigned_sequence_;
    }
    attempt.sequence = attempt.batch->sequence;
    attempt.previous_sequence =
        next_ == 0 ? last_sequence_ : batches_[next_ - 1]->sequence;
  }
  ++next_;
  in_flight_.push_back({attempt.serial, /*ticket=*/0, attempt.sequence,
                        attempt.previous_sequence, attempt.batch});
  return attempt;
}

void PartitionQueue::SetTicket(uint64_t serial, uint64_t ticket) {
  for (auto it = in_flight_.rbegin(); it != in_flight_.rend(); ++it) {
    if (it->serial == serial) {
      it->ticket = ticket;
      return;
    }
  }
}

void PartitionQueue::OnAnswer(uint64_t serial,
                              const absl::StatusOr<v1::AppendResponse>& answer,
                              std::vector<FinishedBatch>* finished) {
  const auto found =
      std::find_if(in_flight_.begin(), in_flight_.end(),
                   [serial](const InFlight& a) { return a.serial == serial; });
  if (found == in_flight_.end()) return;
  const InFlight attempt = std::move(*found);
  in_flight_.erase(found);
  if (answer.ok()) {
    OnStored(attempt, &*answer, finished);
  } else if (ReasonOf(answer.status()) == v1::ERROR_REASON_SEQUENCE_STORED) {
    OnStored(attempt, nullptr, finished);
  } else {
    OnRefused(attempt, answer.status(), finished);
  }
  FinishDraining(finished);
}

void PartitionQueue::OnStored(const InFlight& attempt,
                              const v1::AppendResponse* response,
                              std::vector<FinishedBatch>* finished) {
  failures_in_row_ = 0;
  acked_sequence_ = std::max(acked_sequence_, attempt.sequence);
  last_sequence_ = std::max(last_sequence_, attempt.sequence);
  if (attempt.batch == nullptr) return;
  AppendResult result;
  if (response != nullptr) {
    result.offset = Offset(response->base_offset());
    result.append_time_us = response->append_time_us();
    result.duplicate = response->duplicate();
  } else {
    result.duplicate = true;
  }
  Finish(attempt.batch.get(), std::move(result), finished);
}

void PartitionQueue::OnRefused(const InFlight& attempt,
                               const absl::Status& error,
                               std::vector<FinishedBatch>* finished) {
  if (attempt.batch == nullptr) return;
  SealedBatch* const batch = attempt.batch.get();
  ++batch->failures;
  if (!IsDefinite(error)) batch->in_doubt = true;
  const v1::ErrorReason reason = ReasonOf(error);
  if (exact_ && reason == v1::ERROR_REASON_SEQUENCE_GAP) {
    if (!AcceptGap(attempt, error)) {
      Finish(batch, error, finished);
      return;
    }
    BeginDraining(error);
  } else if (exact_ && reason == v1::ERROR_REASON_PRODUCER_UNKNOWN) {
    session_lost_ = true;
    BeginDraining(error);
  } else if (MayRepeat(*batch, error)) {
    BeginDraining(error);
  } else {
    Finish(batch, error, finished);
  }
}

bool PartitionQueue::MayRepeat(const SealedBatch& batch,
                               const absl::Status& error) const {
  if (!IsRetriable(error)) return false;
  if (ReasonOf(error) == v1::ERROR_REASON_CHECKSUM_MISMATCH &&
      batch.failures >= kChecksumFailuresMax) {
    return false;
  }
  return exact_ || IsDefinite(error) || !batch.expected_offset.has_value();
}

bool PartitionQueue::AcceptGap(const InFlight& attempt,
                               const absl::Status& error) {
  // Behind other unanswered batches: those decide, they go again first.
  if (batches_.front() != attempt.batch) return true;
  const std::optional<uint64_t> last = NumberOf(error, "last_sequence");
  if (!last.has_value()) return false;
  // Fewer than acknowledged to us would be a loss; the one that we named, or
  // ours, would not be a gap.
  if (*last < acked_sequence_ || *last >= attempt.sequence ||
      *last == attempt.previous_sequence) {
    return false;
  }
  last_sequence_ = *last;
  return true;
}

void PartitionQueue::OnBroken(uint64_t started, const absl::Status& cause,
                              std::vector<FinishedBatch>* finished) {
  const std::deque<InFlight> lost = std::exchange(in_flight_, {});
  for (const InFlight& attempt : lost) {
    if (attempt.batch == nullptr) continue;
    ++attempt.batch->failures;
    if (attempt.ticket < started) {
      attempt.batch->in_doubt = true;
      if (!exact_ && attempt.batch->expected_offset.has_value()) {
        Finish(attempt.batch.get(), Undecided(cause), finished);
      }
    }
  }
  if (!lost.empty()) BeginDraining(cause);
  FinishDraining(finished);
}

void PartitionQueue::BeginDraining(const absl::Status& cause) {
  if (state_ == State::kDraining) return;
  KAPPA_CHECK(state_ == State::kOpen, "an answer while nothing was sent");
  state_ = State::kDraining;
  cause_ = cause;
  ++failures_in_row_;
}

void PartitionQueue::FinishDraining(std::vector<FinishedBatch>* finished) {
  if (state_ != State::kDraining || !in_flight_.empty()) return;
  next_ = 0;
  state_ = State::kWaiting;
  if (session_lost_) RestartSession(finished);
}

void PartitionQueue::RestartSession(std::vector<FinishedBatch>* finished) {
  session_lost_ = false;
  state_ = State::kClosed;
  std::deque<std::shared_ptr<SealedBatch>> kept;
  for (std::shared_ptr<SealedBatch>& batch : batches_) {
    batch->sequence = 0;
    if (batch->in_doubt) {
      finished->push_back({std::move(batch), Undecided(cause_)});
    } else {
      kept.push_back(std::move(batch));
    }
  }
  batches_ = std::move(kept);
}

void PartitionQueue::Expire(absl::Time limit,
                            std::vector<FinishedBatch>* finished) {
  while (!batches_.empty() && batches_.front()->ready &&
         batches_.front()->sealed_at <= limit) {
    const std::shared_ptr<SealedBatch> batch = batches_.front();
    bool sent = batch->in_doubt;
    for (InFlight& attempt : in_flight_) {
      if (attempt.batch != batch) continue;
      attempt.batch = nullptr;
      sent = true;
    }
    // If it is stored after all it is the predecessor of the next one; if not,
    // the server's SEQUENCE_GAP will say so.
    if (sent) last_sequence_ = std::max(last_sequence_, batch->sequence);
    Finish(batch.get(),
           MakeError(absl::StatusCode::kDeadlineExceeded,
                     v1::ERROR_REASON_DEADLINE_PASSED, ExpiryMessage(), !sent),
           finished);
  }
}

std::string PartitionQueue::ExpiryMessage() const {
  std::string message = "the delivery timeout of the batch passed";
  if (failures_in_row_ > 0) {
    const std::string reason = ReasonNameOf(cause_);
    absl::StrAppend(&message, "; failed ", failures_in_row_,
                    " times in a row, last by ", reason,
                    reason.empty() ? "" : ": ", cause_.message());
  }
  return message;
}

void PartitionQueue::FailAll(const absl::Status& status,
                             std::vector<FinishedBatch>* finished) {
  for (InFlight& attempt : in_flight_) {
    if (attempt.batch != nullptr) attempt.batch->in_doubt = true;
  }
  in_flight_.clear();
  next_ = 0;
  for (std::shared_ptr<SealedBatch>& batch : batches_) {
    absl::Status own = status;
    if (batch->in_doubt && IsDefinite(status)) own = Undecided(status);
    finished->push_back({std::move(batch), std::move(own)});
  }
  batches_.clear();
  if (state_ == State::kDraining) state_ = State::kWaiting;
}

void PartitionQueue::Finish(const SealedBatch* batch,
                            absl::StatusOr<AppendResult> result,
                            std::vector<FinishedBatch>* finished) {
  const auto found = std::find_if(
      batches_.begin(), batches_.end(),
      [batch](const auto& queued) { return queued.get() == batch; });
  KAPPA_CHECK(found != batches_.end(), "finished twice");
  if (static_cast<size_t>(found - batches_.begin()) < next_) --next_;
  finished->push_back({std::move(*found), std::move(result)});
  batches_.erase(found);
}

}  // namespace kappa::client
