// LogBytes: about how many payload bytes a part of a log has.
#ifndef KAPPA_SERVER_LOG_BYTES_H_
#define KAPPA_SERVER_LOG_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "proto/wire/types.h"

namespace kappa::server {

// Remembers the sum of bytes at a few indexes, evenly spread over what it was
// told of; between two of them it takes all entries for equally large.
//
// Invariant: samples are ascending, in index and bytes.
// Bound: kSamplesMax samples, whatever the log's length.
// Thread safety: thread-compatible.
class LogBytes {
 public:
  static constexpr size_t kSamplesMax = 16;

  // Of a log whose entries up to `last` are not known.
  explicit LogBytes(LogIndex last) : samples_{{last, 0}}, end_{last, 0} {}

  // The entry took its place at the end of the log.
  // Requires: `index` follows the one before.
  void OnAppended(LogIndex index, uint64_t payload_bytes);
  // The entries from `from` on are gone.
  void OnTruncated(LogIndex from);
  // Of the entries behind `after`, up to `through`; those that are not known
  // count as much as the others on average. nullopt: none is known.
  std::optional<uint64_t> Between(LogIndex after, LogIndex through) const;

 private:
  struct Sample {
    LogIndex index;
    uint64_t bytes = 0;  // up to and including that entry
  };

  // The sum up to `index`, which is known.
  uint64_t UpTo(LogIndex index) const;
  void Thin();

  std::vector<Sample> samples_;  // never empty
  Sample end_;
  uint64_t stride_ = 1;  // entries between two samples
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_LOG_BYTES_H_
