// Delivery: turns stored batches, in the order of reading, into the encoded
// DeliveredBatch messages that a reader asked for.
#ifndef KAPPA_SERVER_RPC_DELIVERY_H_
#define KAPPA_SERVER_RPC_DELIVERY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "proto/wire/payload.h"
#include "proto/wire/types.h"
#include "server/rpc/read_plan.h"
#include "server/rpc/wire_message.h"
#include "storage/log_store.h"

namespace kappa::server {

// No response is longer, unless one batch is (DESIGN.md §6).
inline constexpr size_t kResponseBytesMax = 3'900 * 1024;
static_assert(kResponseBytesMax < 3.9 * 1024 * 1024);

// One encoded kappa.v1.DeliveredBatch: `head` holds every field and the tag and
// length of the payload, which follows and comes last.
struct EncodedBatch {
  std::string head;
  Payload payload;

  size_t bytes() const { return head.size() + payload.bytes(); }
};

// Adds `batch` as an element of field `batches`, which has number 2 in both
// ReadResponse and ReplayResponse.
void AppendBatchField(const EncodedBatch& batch, size_t copied_bytes_max,
                      WireMessage* message);

// What one stored batch comes to.
struct DeliveryStep {
  // Absent: nothing in it is wanted.
  std::optional<EncodedBatch> batch;
  // Records and payload bytes in `batch`.
  uint32_t records = 0;
  size_t payload_bytes = 0;
  // Where reading goes on after this step.
  Offset next_offset;
  // The read is complete: with this step, or, when `before` is set, already
  // before it: then the step holds nothing.
  bool complete = false;
  bool before = false;
};

// The state of one read: where it is and what its limits leave.
//
// Thread safety: thread-compatible. Immutable but for Take.
class Delivery {
 public:
  Delivery(std::shared_ptr<const ReadPlan> plan, const ReadRange& range);

  // Where reading goes on.
  Offset next_offset() const { return position_; }
  // The read is complete: its stop or a limit is reached.
  bool complete() const { return complete_; }

  // Encodes what is wanted of the next stored batch, without counting it.
  // Payloads are passed by reference whenever their stored bytes are delivered,
  // cut or whole; only inflated and filtered ones are made anew.
  // Errors: DATA_LOSS (DATA_DAMAGED): the stored bytes cannot be read.
  absl::StatusOr<DeliveryStep> Next(const storage::StoredEntry& entry) const;
  // Counts a step that was delivered.
  void Take(const DeliveryStep& step);

  // Moves on to an offset without batches in between (trimmed history, or
  // entries that hold none).
  void SkipTo(Offset offset);

 private:
  // Record numbers [first, end) of a batch.
  struct Wanted {
    uint32_t first;
    uint32_t end;
  };
  Wanted WantedOf(const storage::EntryHeader& header) const;
  bool StopsBefore(const storage::EntryHeader& header) const;
  bool AtStop(Offset next_offset) const;
  // Whether `bytes` more are too much.
  bool PassesBytes(size_t bytes) const;

  absl::StatusOr<DeliveryStep> WholeBatch(const storage::StoredEntry& entry,
                                          Wanted wanted) const;
  absl::StatusOr<DeliveryStep> CutBatch(const storage::StoredEntry& entry,
                                        Wanted wanted) const;
  absl::StatusOr<DeliveryStep> FilteredBatch(const storage::StoredEntry& entry,
                                             Wanted wanted) const;
  DeliveryStep Finished(DeliveryStep step) const;

  const std::shared_ptr<const ReadPlan> plan_;
  const Offset until_;
  const std::optional<int64_t> stop_time_us_;
  Offset position_;
  uint64_t records_left_;
  uint64_t bytes_left_;
  bool any_delivered_ = false;
  bool complete_ = false;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_DELIVERY_H_
