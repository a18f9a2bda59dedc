// SealedBatch: records on their way to one partition.
#ifndef KAPPA_CLIENT_CPP_SEALED_BATCH_H_
#define KAPPA_CLIENT_CPP_SEALED_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cpp/producer_options.h"
#include "proto/wire/codec.h"

namespace kappa::client {

// A callback for one record of a batch.
struct RecordCallback {
  // Number of the record within the batch.
  uint32_t record = 0;
  AppendCallback done;
};

// Owned by its partition's queue; a message in flight shares it for its bytes,
// which do not change once `ready` is set.
struct SealedBatch {
  // The encoded RecordSet, compressed by `codec`.
  std::string payload;
  Codec codec = Codec::kNone;
  uint32_t record_count = 0;
  uint32_t payload_crc32c = 0;
  // Before compression: what the memory budget is charged.
  size_t record_bytes = 0;
  std::optional<uint64_t> expected_offset;
  std::optional<std::string> state;
  // In order of `record`.
  std::vector<RecordCallback> callbacks;
  absl::Time sealed_at;

  // False while it waits for its compression and checksum.
  bool ready = false;
  // 0: none given yet.
  uint64_t sequence = 0;
  // True when an attempt may have been stored without our knowing.
  bool in_doubt = false;
  // Attempts answered by an error or not at all.
  uint32_t failures = 0;
};

// A batch that is done with.
struct FinishedBatch {
  std::shared_ptr<SealedBatch> batch;
  absl::StatusOr<AppendResult> result;
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_SEALED_BATCH_H_
