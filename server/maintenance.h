// Maintenance: what people ask of one node about its own disk. A Node that can
// be asked implements it too.
#ifndef KAPPA_SERVER_MAINTENANCE_H_
#define KAPPA_SERVER_MAINTENANCE_H_

#include <cstdint>

#include "kappa/v1/maintenance_service.pb.h"

namespace kappa::server {

struct ScrubSettings {
  // Everything stored is read again within this time ...
  int64_t period_us = int64_t{7} * 24 * 3600 * 1'000'000;
  // ... but never faster than so many payload bytes a second.
  uint64_t bytes_per_second_max = uint64_t{64} << 20;
};

// Thread safety: thread-safe.
class Maintenance {
 public:
  virtual ~Maintenance() = default;

  // Scrubs from now on. Called at most once, before the other functions.
  virtual void KeepScrubbing(const ScrubSettings& settings) = 0;
  virtual v1::ScrubStatus GetScrubStatus() const = 0;
  // Returns the number of the pass that runs now; 0 when the node does not
  // scrub.
  virtual uint64_t StartScrub() = 0;
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_MAINTENANCE_H_
