// History: the operations of a history, ready to be looked at.
#ifndef KAPPA_TESTS_CHECKER_HISTORY_H_
#define KAPPA_TESTS_CHECKER_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "tests/checker/event.h"
#include "tests/checker/string_table.h"

namespace kappa::checker {

enum class ValueId : uint32_t {};
enum class PartitionId : uint32_t {};
enum class ProducerId : uint32_t {};
// Any other text that is only compared: digests, nodes.
enum class TextId : uint32_t {};

// No time, no offset.
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr uint64_t kNowhere = std::numeric_limits<uint64_t>::max();

enum class Outcome : uint8_t { kUnknown, kOk, kFailed };

// What all operations have. Without an answer the outcome is unknown and the
// return is never.
struct Operation {
  uint64_t op = 0;
  uint64_t process = 0;
  OperationKind kind = OperationKind::kAppend;
  Outcome outcome = Outcome::kUnknown;
  int64_t invoke_us = 0;
  int64_t return_us = kNever;
  size_t invoke_line = 0;
  size_t return_line = 0;
  PartitionId partition{};
  std::string node;  // that was asked; the one that answered, if told
};

// One attempt to append a batch.
struct Append : Operation {
  size_t batch = 0;  // in History::batches
  uint64_t epoch = 0;
  std::optional<uint64_t> expected;
  std::optional<uint64_t> offset;
  std::optional<int64_t> append_time_us;
  std::optional<TextId> chain;
  std::optional<uint64_t> end;
};

// Values that are appended together, by one attempt, or by several with one
// producer and sequence.
struct Batch {
  PartitionId partition{};
  std::vector<ValueId> values;
  std::vector<TextId> digests;  // of each value, or none
  std::optional<ProducerId> producer;
  uint64_t sequence = 0;
  std::vector<size_t> attempts;  // in History::appends; at least one
};

// Records delivered next to each other.
struct Stretch {
  uint64_t offset = 0;
  std::vector<ValueId> values;
  std::vector<TextId> digests;
  std::optional<int64_t> append_time_us;
  std::optional<TextId> chain;
};

// What one line delivered.
struct Delivery {
  size_t line = 0;
  int64_t time_us = 0;
  std::vector<Stretch> stretches;
  std::vector<EventGap> gaps;
};

// A read or replay.
struct Read : Operation {
  std::optional<uint64_t> from;
  bool resume = false;
  bool committed = false;
  std::vector<Delivery> deliveries;
  std::optional<uint64_t> end;
};

struct EndQuery : Operation {
  bool committed = false;
  std::optional<uint64_t> end;
  std::optional<TextId> chain;
};

struct Opening : Operation {
  ProducerId producer{};
  std::vector<PartitionId> partitions;
  std::optional<uint64_t> epoch;
};

// What one node holds of one partition in the end.
struct FinalRead {
  PartitionId partition{};
  TextId node{};
  std::vector<Delivery> deliveries;
  std::optional<uint64_t> end;
  std::optional<TextId> chain;  // at `end`
  size_t line = 0;              // the last one
};

// A fault, or the moment from which none is left.
struct Mark {
  bool heal = false;
  int64_t time_us = 0;
  size_t line = 0;
  std::optional<int64_t> within_us;
};

// Where a value was sent: the batch and the place in it.
struct ValueOrigin {
  size_t batch = std::numeric_limits<size_t>::max();
  size_t index = 0;

  bool sent() const { return batch != std::numeric_limits<size_t>::max(); }
};

// A history as HistoryBuilder makes it. Lines count from 1.
struct History {
  std::vector<Append> appends;
  std::vector<Batch> batches;
  std::vector<Read> reads;  // in the order of their invocations' lines
  std::vector<EndQuery> end_queries;
  std::vector<Opening> openings;
  std::vector<FinalRead> finals;
  std::vector<Mark> marks;
  std::vector<ValueOrigin> origins;  // by value

  StringTable<ValueId> values;
  StringTable<PartitionId> partitions;
  StringTable<ProducerId> producers;
  StringTable<TextId> texts;

  int64_t first_us = kNever;
  int64_t last_us = 0;

  const ValueOrigin& OriginOf(ValueId value) const {
    return origins[static_cast<size_t>(value)];
  }
  size_t operations() const {
    return appends.size() + reads.size() + end_queries.size() + openings.size();
  }
};

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_HISTORY_H_
