// OutgoingMessages: messages of a group's core on their way to the transport,
// completed by the entries that they name.
//
//   core ── message ──> newest entries from memory ──────────────> transport
//                           └─ older ones: LogRead ──> OnRead ──┘
#ifndef KAPPA_SERVER_OUTGOING_MESSAGES_H_
#define KAPPA_SERVER_OUTGOING_MESSAGES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/wire/payload.h"
#include "proto/wire/types.h"
#include "raft/message.h"
#include "server/commit_notices.h"
#include "storage/log_store.h"

namespace kappa::server {

// A message with what the core does not know of it.
struct GroupMessage {
  raft::Message message;
  // One for each entry, as the log holds it (received_entries.h).
  std::vector<Payload> contents;
};

// Entries of the own log that are wanted from the store, in order.
struct LogRead {
  uint64_t id = 0;
  LogIndex from;
  LogIndex last;
  size_t bytes_max = 0;
  storage::ReadClass read_class = storage::ReadClass::kPoint;
};

// What carries entries leaves in order for each receiver and type; what carries
// none overtakes, so that no heartbeat or vote waits for the disk. A message
// whose entries cannot be had any more is dropped: the core copes with lost
// ones.
//
// Thread safety: thread-compatible.
class OutgoingMessages {
 public:
  static constexpr size_t kWaitingMax = 256;

  // The entry at an index that memory holds, or null.
  using Find = absl::FunctionRef<const storage::StoredEntry*(LogIndex)>;

  // `request_bytes_max`: see raft::CoreSettings. `holds_notices`: what tells
  // only a commit waits for a message to go along with, until
  // ReleaseNotices().
  explicit OutgoingMessages(uint64_t request_bytes_max,
                            bool holds_notices = false)
      : request_bytes_max_(request_bytes_max), holds_notices_(holds_notices) {}

  void Add(raft::Message message, Find find);
  // Asks for entries on behalf of the group itself. Returns the read's id.
  uint64_t Ask(LogIndex from, LogIndex last, size_t bytes_max,
               storage::ReadClass read_class);
  // A read has ended; an unknown id changes nothing.
  void OnRead(uint64_t id,
              const absl::StatusOr<std::vector<storage::StoredEntry>>& entries);

  bool holds_notice() const { return notices_.any(); }
  // Lets notices go that are held for a while, if they are still of `term`.
  void ReleaseNotices(Term term);

  // What can leave. What waits and is not of `term` never will.
  std::vector<GroupMessage> TakeMessages(Term term);
  std::vector<LogRead> TakeReads() { return std::exchange(reads_, {}); }

 private:
  struct Waiting {
    GroupMessage message;
    // From memory, when the message was added: the last entries it names.
    std::vector<storage::StoredEntry> newest;
    size_t missing = 0;  // entries between contents and `newest`
    uint64_t read_id = 0;
    bool dropped = false;
  };

  void Leave(GroupMessage message);
  bool MustWait(const raft::Message& message) const;
  void AskFor(Waiting* waiting);
  // False when `entry` is not what the message names.
  static bool AddEntry(const storage::StoredEntry& entry,
                       GroupMessage* message);
  // Takes what is there; leaves out what a fetch response may not carry.
  bool Complete(Waiting* waiting);

  const uint64_t request_bytes_max_;
  const bool holds_notices_;
  CommitNotices notices_;
  uint64_t last_read_id_ = 0;
  std::vector<GroupMessage> ready_;
  // Who is told up to where it may read, or to campaign, should know that as
  // committed first, also what becomes committed in the same step.
  std::vector<GroupMessage> behind_notices_;
  std::deque<Waiting> waiting_;
  std::vector<LogRead> reads_;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_OUTGOING_MESSAGES_H_
