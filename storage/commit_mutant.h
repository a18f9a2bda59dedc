// A deliberate bug of the commit path, so that the crash tests can prove that
// they would notice it (RELIABILITY.md: "The tests are tested").
//
// Nothing that kappad is told reaches it: no flag, no setting, no variable of
// the environment. Only the program that tests/crash links with a source that
// switches it on has the bug (tests/crash/acknowledge_before_sync.cc).
#ifndef KAPPA_STORAGE_COMMIT_MUTANT_H_
#define KAPPA_STORAGE_COMMIT_MUTANT_H_

#include <atomic>

namespace kappa::storage {

// While it is true a cycle is reported durable as soon as it is written; its
// sync and its watermark follow at the begin of the next cycle. Logs are then
// written through the page cache: a cut of the tests' power takes what is
// there, but not what a direct write gave to the disk and nobody synced.
inline std::atomic<bool> acknowledge_before_sync{false};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_COMMIT_MUTANT_H_
