// KAPPA_CHECK: an assertion about our own code that is always on. Never used on
// what came from a disk, the network or a user.
#ifndef KAPPA_PROTO_WIRE_CHECK_H_
#define KAPPA_PROTO_WIRE_CHECK_H_

#include <cstdio>
#include <cstdlib>

namespace kappa {

// Prints "FILE:LINE: check failed: CONDITION (MESSAGE)" and aborts.
[[noreturn]] inline void CheckFailed(const char* file, int line,
                                     const char* condition,
                                     const char* message) {
  std::fprintf(stderr, "%s:%d: check failed: %s (%s)\n", file, line, condition,
               message);
  std::abort();
}

}  // namespace kappa

// Aborts unless `condition` holds; `message` says what rule was broken.
#define KAPPA_CHECK(condition, message)                              \
  do {                                                               \
    if (!(condition)) [[unlikely]] {                                 \
      ::kappa::CheckFailed(__FILE__, __LINE__, #condition, message); \
    }                                                                \
  } while (false)

#endif  // KAPPA_PROTO_WIRE_CHECK_H_
