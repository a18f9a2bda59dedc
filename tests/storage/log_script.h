// LogScript: makes valid writes for one replica's log, as a leader would.
#ifndef KAPPA_TESTS_STORAGE_LOG_SCRIPT_H_
#define KAPPA_TESTS_STORAGE_LOG_SCRIPT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "proto/wire/types.h"
#include "storage/log_store.h"

namespace kappa::storage {

// A replica of a group with one voter; the topic's UUID is the group's number.
ReplicaSpec SpecOfGroup(uint64_t group);

// Knows where a log stands and builds what follows. Each function returns the
// write and takes it as done.
//
// Thread safety: thread-compatible.
class LogScript {
 public:
  // Goes on at `position`.
  LogScript(ReplicaNumber replica, const ReplicaPosition& position)
      : replica_(replica), position_(position) {}
  // An empty log of a new replica.
  LogScript(ReplicaNumber replica, const ReplicaSpec& spec);

  ReplicaNumber replica() const { return replica_; }
  const ReplicaPosition& position() const { return position_; }
  LogIndex last() const { return position_.last.index; }
  // Of all entries from now on.
  void set_term(Term term) { term_ = term; }
  Term term() const { return term_; }
  // Each entry's append time is this much after the one before it.
  void set_time_step_us(int64_t step) { time_step_us_ = step; }

  // A batch with `payload` as its bytes (not a real RecordSet).
  EntryWrite Records(std::string payload, uint32_t record_count = 1,
                     const ProducerStamp& producer = {},
                     std::optional<std::string> state = std::nullopt);
  // An entry without payload: a no-op, or a fence when `producer` is present.
  EntryWrite Control(const ProducerStamp& producer = {});

  EntryWrite Configuration(const raft::Configuration& configuration);

  // Writes with nothing but this in them.
  GroupWrite Empty() const;
  GroupWrite TruncateFrom(LogIndex from, const ReplicaPosition& before);
  GroupWrite InstallBase(const GroupBase& base);

 private:
  EntryWrite Take(EntryHeader header, std::string payload);

  ReplicaNumber replica_;
  ReplicaPosition position_;
  Term term_{1};
  int64_t time_step_us_ = 1;
};

}  // namespace kappa::storage

#endif  // KAPPA_TESTS_STORAGE_LOG_SCRIPT_H_
