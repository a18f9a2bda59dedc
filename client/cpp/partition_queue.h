// PartitionQueue: which batches of one partition to send, repeat and finish.
#ifndef KAPPA_CLIENT_CPP_PARTITION_QUEUE_H_
#define KAPPA_CLIENT_CPP_PARTITION_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cpp/sealed_batch.h"
#include "kappa/v1/log_service.pb.h"

namespace kappa::client {

// The rules of exact, ordered, pipelined appends, without any I/O.
//
//   kClosed ──Open──> kOpen ──an answer asks for a repetition──> kDraining
//      ^                ^                                            │
//      │                └───────Resume──── kWaiting <── all answered ┤
//      └────────── the session was forgotten by the server ──────────┘
//
// A batch gets its sequence when it is first sent and keeps it. When a batch
// must be sent again, nothing more is sent until everything in flight is
// answered or lost; then all unanswered batches go again in order. A batch
// names as its predecessor the one before it in the queue, or the last one
// known to be stored: so a refused batch leaves a hole that the next one steps
// over (after the server said SEQUENCE_GAP to those already on their way).
// From the second failure in a row on, the first batch goes alone until one is
// stored: who cannot take it shall not be sent all of them.
//
// Invariants: batches_ is in order of Push; its first next_ batches are in
// flight; sequences ascend along it.
// Thread safety: thread-compatible.
class PartitionQueue {
 public:
  enum class State { kClosed, kOpen, kDraining, kWaiting };

  // One message to send.
  struct Attempt {
    std::shared_ptr<SealedBatch> batch;
    // Names the attempt; ascending.
    uint64_t serial = 0;
    // 0 without exact retries.
    uint64_t sequence = 0;
    uint64_t previous_sequence = 0;
  };

  // `exact`: batches get sequences. `in_flight_max` is at least 1.
  PartitionQueue(bool exact, uint32_t in_flight_max);

  State state() const { return state_; }
  bool empty() const { return batches_.empty(); }
  // Attempts not answered yet.
  size_t in_flight() const { return in_flight_.size(); }
  // The oldest unfinished batch. Requires: !empty().
  const SealedBatch& front() const { return *batches_.front(); }

  // Adds a batch at the end; it is not sent before it is `ready`.
  void Push(std::shared_ptr<SealedBatch> batch);

  // The session is known to the server, or new to it: batches may be sent.
  // `last_sequence` is the last one stored, 0 for a new session.
  // Requires: state() == kClosed.
  void Open(uint64_t last_sequence);

  // After the wait: unanswered batches may be sent again.
  // Requires: state() == kWaiting.
  void Resume();

  // The next message to send now, if there is one; it then is in flight.
  std::optional<Attempt> TakeNext();

  // Notes that attempt `serial` is the `ticket`-th message of its stream.
  void SetTicket(uint64_t serial, uint64_t ticket);

  // Takes the answer to an attempt. Batches done with are added to `finished`.
  // An unknown serial is ignored.
  void OnAnswer(uint64_t serial,
                const absl::StatusOr<v1::AppendResponse>& answer,
                std::vector<FinishedBatch>* finished);

  // The stream that carries everything in flight is gone because of `cause`;
  // messages with a ticket from `started` on never left.
  void OnBroken(uint64_t started, const absl::Status& cause,
                std::vector<FinishedBatch>* finished);

  // Gives up batches sealed before `limit`.
  void Expire(absl::Time limit, std::vector<FinishedBatch>* finished);

  // Gives up everything. In flight are no attempts then.
  void FailAll(const absl::Status& status,
               std::vector<FinishedBatch>* finished);

  // In kWaiting: why, and how often in a row without a success.
  const absl::Status& cause() const { return cause_; }
  uint32_t failures_in_row() const { return failures_in_row_; }

 private:
  struct InFlight {
    uint64_t serial = 0;
    uint64_t ticket = 0;
    uint64_t sequence = 0;
    uint64_t previous_sequence = 0;
    // Null once the batch was given up.
    std::shared_ptr<SealedBatch> batch;
  };

  // Requires: it is in batches_. Finishes it.
  void Finish(const SealedBatch* batch, absl::StatusOr<AppendResult> result,
              std::vector<FinishedBatch>* finished);
  void OnStored(const InFlight& attempt, const v1::AppendResponse* response,
                std::vector<FinishedBatch>* finished);
  void OnRefused(const InFlight& attempt, const absl::Status& error,
                 std::vector<FinishedBatch>* finished);
  // True when the batch may go again after `error`.
  bool MayRepeat(const SealedBatch& batch, const absl::Status& error) const;
  // Learns from SEQUENCE_GAP. False when it contradicts what we know.
  bool AcceptGap(const InFlight& attempt, const absl::Status& error);
  // What is told of a batch that is given up, with the trouble before it.
  std::string ExpiryMessage() const;
  void BeginDraining(const absl::Status& cause);
  // Attempts that may be under way at once.
  size_t InFlightMax() const {
    return failures_in_row_ < 2 ? in_flight_max_ : 1;
  }
  // Leaves kDraining when nothing is in flight any more.
  void FinishDraining(std::vector<FinishedBatch>* finished);
  // The server forgot the session: what is in doubt cannot be repeated.
  void RestartSession(std::vector<FinishedBatch>* finished);

  const bool exact_;
  const uint32_t in_flight_max_;
  State state_ = State::kClosed;
  std::deque<std::shared_ptr<SealedBatch>> batches_;
  // Number of leading batches in flight.
  size_t next_ = 0;
  std::deque<InFlight> in_flight_;
  uint64_t next_serial_ = 1;
  // Last sequence given out.
  uint64_t assigned_sequence_ = 0;
  // What the first batch of the queue names as its predecessor.
  uint64_t last_sequence_ = 0;
  // Highest sequence acknowledged to us.
  uint64_t acked_sequence_ = 0;
  bool session_lost_ = false;
  absl::Status cause_;
  uint32_t failures_in_row_ = 0;
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_PARTITION_QUEUE_H_
