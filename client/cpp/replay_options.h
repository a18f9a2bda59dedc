// ReplayOptions, ReplayRecord, ReplayEvent: what to replay and what comes out.
#ifndef KAPPA_CLIENT_CPP_REPLAY_OPTIONS_H_
#define KAPPA_CLIENT_CPP_REPLAY_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kappa/v1/log_service.pb.h"
#include "proto/wire/record_set.h"
#include "proto/wire/types.h"

namespace kappa::client {

// A place in a partition to start or stop at.
struct ReplayPosition {
  enum class Kind { kBeginning, kOffset, kAppendTime, kEnd, kNever };

  // The first offset kept. Only a start.
  static ReplayPosition Beginning() { return {Kind::kBeginning, 0, 0}; }
  // Start: the first record delivered. Stop: the first one not delivered.
  static ReplayPosition At(Offset offset) {
    return {Kind::kOffset, offset.value(), 0};
  }
  // The first batch whose append time is at or after this one (microseconds
  // since 1970-01-01T00:00:00Z).
  static ReplayPosition AppendTime(int64_t append_time_us) {
    return {Kind::kAppendTime, 0, append_time_us};
  }
  // The committed end as of Replay::Start, whatever is appended later.
  static ReplayPosition End() { return {Kind::kEnd, 0, 0}; }
  // Follows the tail for ever. Only a stop.
  static ReplayPosition Never() { return {Kind::kNever, 0, 0}; }

  Kind kind = Kind::kBeginning;
  uint64_t offset = 0;
  int64_t append_time_us = 0;
};

// One record as replayed. Everything in it is valid until the iterator moves.
struct ReplayRecord {
  uint32_t partition = 0;
  Offset offset = {};
  // Microseconds since 1970-01-01T00:00:00Z, given by the server.
  int64_t append_time_us = 0;
  std::optional<std::string_view> key = {};
  std::optional<std::string_view> value = {};
  absl::Span<const HeaderView> headers = {};
  // The user's own time, microseconds since 1970-01-01T00:00:00Z.
  std::optional<int64_t> event_time_us = {};
};

// What happens beside records.
struct ReplayEvent {
  enum class Kind {
    // Everything up to `end_offset` was delivered.
    kCaughtUp,
    // The reader, having been at the tail, is read from disk again.
    kFellBehind,
    // Nothing new; the server is alive and the end is `end_offset`.
    kHeartbeat,
    // History from `gap_first` up to (not including) `gap_next` was trimmed.
    kGap,
    // The connection was lost because of `cause`; a new one is made after a
    // back-off and goes on at `next_offset`.
    kReconnecting,
  };

  Kind kind = Kind::kHeartbeat;
  uint32_t partition = 0;
  // The offset at which the replay goes on.
  Offset next_offset = {};
  // The committed end as last told.
  Offset end_offset = {};
  Offset gap_first = {};
  Offset gap_next = {};
  absl::Status cause = {};
};

struct ReplayOptions {
  std::string topic = {};
  // From 0; not used by TopicReplay.
  uint32_t partition = 0;
  // Backwards: reading begins before it; the default is then the end.
  std::optional<ReplayPosition> start = {};
  // Default: the tail is followed for ever. Backwards: the lowest position
  // still delivered, default the beginning. An offset beyond the end and a time
  // to come are waited for; a time ends the replay about two seconds after it
  // has passed, whether or not something was appended.
  std::optional<ReplayPosition> stop = {};
  // Exactly this many records at most; 0: no limit. TopicReplay: in all.
  uint64_t records_max = 0;
  // Stop after this many payload bytes, at the end of a batch; 0: no limit.
  // TopicReplay: per partition.
  uint64_t bytes_max = 0;
  // Newest batch first, inside a batch in order; never waits.
  bool backwards = false;
  // Only these records. All conditions must hold; filtered by the server.
  std::optional<v1::RecordFilter> filter = {};
  v1::Consistency consistency = v1::CONSISTENCY_UNSPECIFIED;
  // How often an idle server shows that it lives; a connection silent for
  // three times as long is given up. 100 ms to 60 s.
  absl::Duration heartbeat = absl::Seconds(5);
  // How long to try again after a lost connection, from the last sign of life.
  absl::Duration retry_timeout = absl::InfiniteDuration();
  // Bytes received ahead of the reader, at least one message.
  // TopicReplay: per partition.
  size_t read_ahead_bytes = 8 * 1024 * 1024;
  // Called on the thread that iterates. May be empty.
  std::function<void(const ReplayEvent&)> on_event = {};
};

}  // namespace kappa::client

#endif  // KAPPA_CLIENT_CPP_REPLAY_OPTIONS_H_
