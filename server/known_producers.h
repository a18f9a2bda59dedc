// KnownProducers: which ids and epochs of named producers were given out. All
// of them are in memory, 24 bytes each.
#ifndef KAPPA_SERVER_KNOWN_PRODUCERS_H_
#define KAPPA_SERVER_KNOWN_PRODUCERS_H_

#include <cstdint>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "proto/wire/mutex.h"
#include "proto/wire/types.h"

namespace kappa::server {

// Filled as the metadata group's commands are applied, and by fences, which may
// come first where another node leads that group; asked by every append of a
// named producer.
//
// Thread safety: thread-safe.
class KnownProducers {
 public:
  // `id`: 16 bytes. A lower epoch than known changes nothing.
  void Note(std::string_view id, uint64_t epoch);
  // True if the producer was opened at least `epoch` times.
  bool WasOpened(std::string_view id, uint64_t epoch) const;

 private:
  mutable Mutex mutex_;
  absl::flat_hash_map<Uuid, uint64_t> epochs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_KNOWN_PRODUCERS_H_
