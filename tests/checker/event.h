// Event: one line of a history, as README.md defines it.
#ifndef KAPPA_TESTS_CHECKER_EVENT_H_
#define KAPPA_TESTS_CHECKER_EVENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kappa::checker {

enum class EventType : uint8_t {
  kInvoke,   // an operation begins
  kPart,     // a read or replay has delivered something and goes on
  kOk,       // it succeeded
  kFail,     // it did not happen, for certain
  kUnknown,  // it may have happened, now or later
  kFinal,    // a piece of what a node holds after everything
  kFault,    // a fault begins
  kHeal,     // no fault is left
};

enum class OperationKind : uint8_t {
  kAppend,
  kConditionalAppend,
  kRead,
  kReplay,
  kEndOffset,
  kOpenProducer,
};

// Records as delivered, next to each other. Of a stored batch it may be a part.
struct EventBatch {
  uint64_t offset = 0;
  std::vector<std::string> values;
  std::vector<std::string> digests;  // of each record's bytes; or none
  std::optional<int64_t> append_time_us;
  std::optional<std::string> chain;  // digest of the log up to the last record
};

// History that a server said is no more: [first, next).
struct EventGap {
  uint64_t first = 0;
  uint64_t next = 0;
};

// Which fields a type has, and their meaning: README.md.
struct Event {
  EventType type = EventType::kInvoke;
  uint64_t op = 0;
  int64_t time_us = 0;  // monotonic, one clock for the whole history
  std::string node;     // asked or answering; may be empty

  // invoke
  uint64_t process = 0;
  OperationKind kind = OperationKind::kAppend;
  std::string partition;
  std::vector<std::string> partitions;
  std::vector<std::string> values;
  std::vector<std::string> digests;
  std::optional<std::string> producer;
  std::optional<uint64_t> epoch;
  std::optional<uint64_t> sequence;
  std::optional<uint64_t> expected;
  std::optional<uint64_t> from;
  bool resume = false;
  bool committed = false;

  // part, ok, fail, unknown, final
  std::optional<uint64_t> offset;
  std::optional<int64_t> append_time_us;
  std::optional<std::string> chain;
  std::optional<uint64_t> end;
  std::vector<EventBatch> batches;
  std::vector<EventGap> gaps;
  std::string reason;

  // fault, heal
  std::string what;
  std::optional<int64_t> within_us;
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_EVENT_H_
