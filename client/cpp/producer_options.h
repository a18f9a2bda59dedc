// ProducerOptions, AppendResult: how a Producer works, and what it reports.
#ifndef KAPPA_CLIENT_CPP_PRODUCER_OPTIONS_H_
#define KAPPA_CLIENT_CPP_PRODUCER_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/wire/codec.h"
#include "proto/wire/types.h"

namespace kappa::client {

// Where a record is.
struct AppendResult {
  uint32_t partition = 0;
  // Of the record, or of the batch's first record. Absent when the server
  // knows that the batch was stored but no longer at which offset
  // (SEQUENCE_STORED).
  std::optional<Offset> offset = {};
  // Given by the server: microseconds since 1970-01-01T00:00:00Z, never
  // decreasing within a partition. 0 when `offset` is absent.
  int64_t append_time_us = 0;
  // True when a repetition of the batch was recognised.
  bool duplicate = false;
};

// The outcome of one batch.
struct BatchOutcome {
  uint32_t partition = 0;
  uint32_t record_count = 0;
  // Encoded size of the records before compression.
  size_t bytes = 0;
  // From the sealing of the batch to its answer, retries included.
  absl::Duration latency = {};
  // Of the first record; the others follow densely.
  absl::StatusOr<AppendResult> result = AppendResult();
};

// Called once, on a thread of the SDK: must not block for long, and must not
// call Flush or Close or destroy the producer. It may append, but with
// `WhenFull::kFail` only.
using AppendCallback =
    absl::AnyInvocable<void(const absl::StatusOr<AppendResult>&)>;
using BatchCallback = std::function<void(const BatchOutcome&)>;

// What Append does while memory_bytes_max is used up.
enum class WhenFull {
  // Waits.
  kBlock,
  // Returns RESOURCE_EXHAUSTED at once.
  kFail,
};

struct ProducerOptions {
  std::string topic = {};
  // Empty: an unnamed session, exact for as long as the producer object lives.
  // Otherwise a name that is one producer in the whole cluster, exact across
  // restarts; opening it fences the instance before.
  std::string name = {};
  // Named only: the partitions to fence and learn about at once; empty: all.
  // Others are learnt about at their first record.
  std::vector<uint32_t> partitions = {};
  Codec compression = Codec::kNone;
  // A batch is sent when its encoded records reach this many bytes. Larger
  // records go alone; the topic's limit holds in any case.
  size_t batch_bytes = 128 * 1024;
  // Most records in a batch; never more than the topic's limit.
  uint32_t batch_records = 65'536;
  // A batch is sent at the latest this long after its first record.
  absl::Duration linger = absl::Milliseconds(1);
  // Send a batch at once while no other batch of its partition is on its way.
  // Best latency; switch it off for bulk loads into many partitions.
  bool send_when_idle = true;
  // Encoded bytes of records that were appended and not answered yet. A record
  // is let in while less than this is used, so it may be passed by one record
  // for each thread that appends.
  size_t memory_bytes_max = 64 * 1024 * 1024;
  WhenFull when_full = WhenFull::kBlock;
  // Batches of one partition on their way at once. At most 128, the number of
  // results that the server keeps for repetitions.
  uint32_t in_flight_max = 64;
  // A batch that is not answered this long after it was sealed fails with
  // DEADLINE_EXCEEDED (indefinite if it was ever sent).
  absl::Duration delivery_timeout = absl::Minutes(2);
  // False: no sequences. A repetition after a broken connection may then store
  // a batch twice; conditional appends are not repeated at all.
  bool exact_retries = true;
  // Called for every batch, before the callbacks of its records. May be empty.
  BatchCallback on_batch = {};
};

// Conditions and extras of an atomic batch.
struct BatchOptions {
  // Store the batch only if its first record gets this offset; else it fails
  // with FAILED_PRECONDITION, EXPECTED_OFFSET_MISMATCH.
  std::optional<Offset> expected_offset = {};
  // Stored atomically with the batch and told by Admin::GetProducer and
  // Producer::positions; at most 1 KiB. Needs exact retries.
  std::optional<std::string> state = {};
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_PRODUCER_OPTIONS_H_
