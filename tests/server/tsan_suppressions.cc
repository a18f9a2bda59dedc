// What ThreadSanitizer cannot see: the reference count of absl::Status is kept
// in Debian's libabsl_status, which is not instrumented, so the last of two
// threads that drop a status seems to free it, or its payloads, under the
// other. Two functions of the library; nothing of kappa:: is ever suppressed.

#include "tests/server/tsan_suppressions.h"

extern "C" const char* __tsan_default_suppressions() {
  return "race:absl::debian3::inlined_vector_internal::Storage<absl::debian3::"
         "status_internal::Payload*DestroyContents\n"
         "race:absl::debian3::Status::Unref\n";
}
