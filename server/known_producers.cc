#include "server/known_producers.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/wire/mutex.h"
#include "proto/wire/string_view.h"

namespace kappa::server {

void KnownProducers::Note(std::string_view id, uint64_t epoch) {
  MutexLock lock(&mutex_);
  epochs_[std::string(id)] = epoch;
}

bool KnownProducers::WasOpened(std::string_view id, uint64_t epoch) const {
  MutexLock lock(&mutex_);
  const auto found = epochs_.find(ToAbsl(id));
  return found != epochs_.end() && epoch <= found->second;
}

}  // namespace kappa::server
