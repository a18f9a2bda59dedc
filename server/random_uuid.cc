#include "server/random_uuid.h"

#include <sys/random.h>

#include <cstring>

#include "proto/wire/check.h"

namespace kappa::server {

Uuid RandomUuid() {
  Uuid uuid{};
  // Up to 256 bytes come whole, and never fail once the system has started.
  const ssize_t got = getrandom(uuid.data(), uuid.size(), 0);
  KAPPA_CHECK(got == static_cast<ssize_t>(uuid.size()),
              "the system's random source");
  return uuid;
}

std::string BytesOf(const Uuid& uuid) {
  return std::string(reinterpret_cast<const char*>(uuid.data()), uuid.size());
}

Uuid UuidOf(std::string_view bytes) {
  Uuid uuid{};
  if (bytes.size() == uuid.size()) {
    std::memcpy(uuid.data(), bytes.data(), uuid.size());
  }
  return uuid;
}

}  // namespace kappa::server
