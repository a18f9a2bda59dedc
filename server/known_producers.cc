#include "server/known_producers.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "proto/wire/mutex.h"
#include "server/random_uuid.h"

namespace kappa::server {

void KnownProducers::Note(std::string_view id, uint64_t epoch) {
  MutexLock lock(&mutex_);
  uint64_t& known = epochs_[UuidOf(id)];
  known = std::max(known, epoch);
}

bool KnownProducers::WasOpened(std::string_view id, uint64_t epoch) const {
  MutexLock lock(&mutex_);
  const auto found = epochs_.find(UuidOf(id));
  return found != epochs_.end() && epoch <= found->second;
}

}  // namespace kappa::server
