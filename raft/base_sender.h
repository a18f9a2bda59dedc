// BaseSender: a base's state on its way from a leader to one replica.
#ifndef KAPPA_RAFT_BASE_SENDER_H_
#define KAPPA_RAFT_BASE_SENDER_H_

#include <cstdint>
#include <memory>

#include "proto/wire/types.h"
#include "raft/base.h"
#include "raft/entry.h"

namespace kappa::raft {

// Cuts one base's state into chunks. The first chunk goes out alone, since the
// answer may say that the receiver holds more already (it resumes after a loss
// or a restart); from then on two are on their way.
//
//   0 ......... acknowledged() ......... sent ......... state_bytes
//       durable there       on its way      not sent
//
// Thread safety: thread-compatible.
class BaseSender {
 public:
  explicit BaseSender(std::shared_ptr<const LogBase> base)
      : base_(std::move(base)) {}

  const LogBase& base() const { return *base_; }
  uint64_t acknowledged() const { return acknowledged_; }

  bool MaySend(uint64_t chunk_bytes) const;
  // The next chunk. Requires: MaySend(chunk_bytes), chunk_bytes > 0.
  std::shared_ptr<const BaseChunk> Next(uint64_t chunk_bytes);

  // The receiver holds state bytes up to `chunk_end`, durably. `taken` is false
  // if it could not use what was sent: it wants the bytes from there. A full
  // disk waits for the next heartbeat. Ends beyond the state are ignored.
  void RecordAnswer(bool taken, bool full, uint64_t chunk_end);
  // A heartbeat period passed. What nobody answers for some of them is sent
  // again.
  void RecordHeartbeat();

  // Aborts when an invariant does not hold.
  void CheckInvariants() const;

 private:
  static constexpr uint32_t kSilentHeartbeatsMax = 3;

  void SendAgainFrom(uint64_t offset);

  std::shared_ptr<const LogBase> base_;
  uint64_t acknowledged_ = 0;
  uint64_t sent_ = 0;
  bool last_sent_ = false;  // an empty state has a last chunk, too
  bool answered_ = false;   // the receiver said what it holds
  bool awaiting_ = false;   // not answered: a chunk is on its way
  bool full_ = false;
  uint32_t silent_heartbeats_ = 0;
};

}  // namespace kappa::raft

#endif  // KAPPA_RAFT_BASE_SENDER_H_
