// ReadPlan: the ReadOptions of a request, checked and with their defaults;
// ReadRange: the offsets that they mean on a partition as it stands.
#ifndef KAPPA_SERVER_RPC_READ_PLAN_H_
#define KAPPA_SERVER_RPC_READ_PLAN_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "kappa/v1/log_service.pb.h"
#include "proto/wire/codec.h"
#include "proto/wire/types.h"
#include "server/node.h"
#include "server/rpc/record_filter.h"

namespace kappa::server {

// A stop that is never reached.
inline constexpr Offset kNoStop{std::numeric_limits<uint64_t>::max()};
inline constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

// Immutable once made.
struct ReadPlan {
  enum class Place { kBeginning, kOffset, kTime, kEnd, kNever };
  struct Position {
    Place place = Place::kBeginning;
    Offset offset;
    int64_t append_time_us = 0;
  };

  Position start;
  Position stop;
  bool backwards = false;
  // Stored batches as they are; never together with a filter.
  bool whole_batches = false;
  bool with_digests = false;
  bool accepts_zstd = false;
  bool accepts_lz4 = false;
  uint64_t bytes_max = kNoLimit;
  uint64_t records_max = kNoLimit;
  std::optional<RecordFilter> filter;
  v1::Consistency consistency = v1::CONSISTENCY_UNSPECIFIED;

  bool Accepts(Codec codec) const {
    return codec == Codec::kNone || (codec == Codec::kZstd && accepts_zstd) ||
           (codec == Codec::kLz4 && accepts_lz4);
  }
};

// `follows`: the default stop is the tail for ever (Replay), else the end.
// Errors: INVALID_ARGUMENT (MALFORMED_REQUEST), naming the field.
absl::StatusOr<ReadPlan> CheckReadOptions(const v1::ReadOptions& options,
                                          bool follows);

struct ReadRange {
  // Forwards: the first offset wanted. Backwards: the offset after it.
  Offset from;
  // Forwards: exclusive, or kNoStop. Backwards: the lowest one wanted.
  Offset until;
  // Forwards, and only while batches before it may still come: before the first
  // batch with this append time or a later one.
  std::optional<int64_t> stop_time_us;
  // As of the start of the call.
  Offset first_offset;
  Offset end_offset;
};

// Asks the node what `plan` means on the partition now. `done` is called once,
// on any thread.
// Errors: OUT_OF_RANGE (OFFSET_OUT_OF_RANGE) when the start lies beyond the
// confirmed end; those of the node.
void ResolveReadRange(Node* node, GroupId group, const ReadPlan& plan,
                      absl::AnyInvocable<void(absl::StatusOr<ReadRange>)> done);

}  // namespace kappa::server

#endif  // KAPPA_SERVER_RPC_READ_PLAN_H_
