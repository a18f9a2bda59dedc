#include "storage/fast_crc32c.h"

#include <dlfcn.h>

#include <atomic>
#include <cstddef>

#include "proto/wire/crc32c.h"

namespace {

// A relaxed add of a thread's own line costs nothing beside the checksum.
std::atomic<uint64_t> calls{0};

}  // namespace

namespace rocksdb::crc32c {

// The declaration is in a header that RocksDB does not install.
__attribute__((visibility("default"))) uint32_t Extend(uint32_t init_crc,
                                                       const char* data,
                                                       size_t bytes);

uint32_t Extend(uint32_t init_crc, const char* data, size_t bytes) {
  calls.fetch_add(1, std::memory_order_relaxed);
  return kappa::ExtendCrc32c(init_crc, std::string_view(data, bytes));
}

}  // namespace rocksdb::crc32c

namespace kappa::storage {

std::string_view RocksDbCrc32cVariant() {
  // What the dynamic linker finds first is what the library calls.
  void* const found = dlsym(RTLD_DEFAULT, "_ZN7rocksdb6crc32c6ExtendEjPKcm");
  if (found != reinterpret_cast<void*>(&rocksdb::crc32c::Extend)) {
    return "rocksdb";
  }
  return Crc32cVariant() == "sse4.2" ? "kappa, sse4.2" : "kappa, table";
}

uint64_t RocksDbCrc32cCalls() { return calls.load(std::memory_order_relaxed); }

}  // namespace kappa::storage
