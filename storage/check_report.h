// CheckReport: what a check of a data directory found.
#ifndef KAPPA_STORAGE_CHECK_REPORT_H_
#define KAPPA_STORAGE_CHECK_REPORT_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "proto/wire/types.h"

namespace kappa::storage {

// What the damage means for a kappad that starts on the directory.
enum class Severity : uint8_t {
  kHarmless = 0,  // it can change no answer
  kData = 1,      // it starts; the entries named are answered with DATA_LOSS
  kRefusal = 2,   // it refuses to start (exit 4)
};

// "harmless", "data", "refusal".
inline const char* NameOf(Severity severity) {
  switch (severity) {
    case Severity::kHarmless:
      return "harmless";
    case Severity::kData:
      return "data";
    default:
      return "refusal";
  }
}

// Entries of one replica; all ends inclusive but `next_offset`.
struct EntryRange {
  ReplicaNumber replica;
  GroupId group;
  LogIndex first;
  LogIndex last;
  // Absent where the entry next to the range cannot be read either.
  std::optional<Offset> first_offset;
  std::optional<Offset> next_offset;  // after the range
};

struct Finding {
  Severity severity = Severity::kHarmless;
  std::string where;  // a file, relative to the directory, or a replica
  std::string what;
  std::optional<EntryRange> range;  // of damaged entries
};

struct CheckReport {
  std::vector<Finding> findings;
  // A cycle was being written when the process ended; a start gives up what the
  // log holds of it.
  bool torn_tail = false;
  // The log ends before the watermark's cycle, of which the watermark holds a
  // copy: a start continues the log with it. `torn_tail` may be of that cycle.
  bool last_cycle_copied = false;
  // Why not everything could be read; says nothing about what is stored. OK:
  // everything was.
  absl::Status trouble;
  std::optional<uint64_t> watermark_cycle;  // absent: unreadable
  std::optional<uint64_t> recovered_cycle;  // absent: nothing could be read
  // What was read.
  uint64_t files = 0;
  uint64_t file_bytes = 0;
  uint64_t replicas = 0;
  uint64_t entries = 0;
  uint64_t payload_bytes = 0;

  // The worst of all findings; nullopt when there is none.
  std::optional<Severity> worst() const {
    std::optional<Severity> worst;
    for (const Finding& finding : findings) {
      worst = std::max(worst.value_or(finding.severity), finding.severity);
    }
    return worst;
  }
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_CHECK_REPORT_H_
