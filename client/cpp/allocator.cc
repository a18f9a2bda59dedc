#include "client/cpp/allocator.h"

#include <cstdlib>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace kappa::client {

void KeepFreedMemory() {
#if defined(__GLIBC__)
  // The largest that glibc takes.
  constexpr int kMapBytesMin = 32 * 1024 * 1024;
  constexpr int kKeepBytes = 64 * 1024 * 1024;
  mallopt(M_MMAP_THRESHOLD, kMapBytesMin);
  mallopt(M_TRIM_THRESHOLD, kKeepBytes);
#endif
}

}  // namespace kappa::client
