// Read by ThreadSanitizer's runtime when a test is built with it.
#ifndef KAPPA_TESTS_SERVER_TSAN_SUPPRESSIONS_H_
#define KAPPA_TESTS_SERVER_TSAN_SUPPRESSIONS_H_

// Lines of the form "race:FUNCTION".
extern "C" const char* __tsan_default_suppressions();

#endif  // KAPPA_TESTS_SERVER_TSAN_SUPPRESSIONS_H_
