// What stands in tests/data/format-<n>: the same for every format, so that each
// build can read what each earlier one wrote.
#ifndef KAPPA_TESTS_STORAGE_FORMAT_CONTENT_H_
#define KAPPA_TESTS_STORAGE_FORMAT_CONTENT_H_

#include "storage/log_store.h"

namespace kappa::storage {

// Writes everything that a data directory can hold into an empty store, about
// 1.4 MB: more than one segment of kSegmentBytesMin. Never to be changed: the
// directories under tests/data hold the outcome.
//   group 1  40 large batches, a vote
//   group 2  batches of a producer with states, a truncated tail written anew,
//            a fence
//   group 3  a log that begins with an installed base
//   group 4  dropped
//   rows in both side tables
// A failed write ends the process: a generator and a test have no use for half
// of it.
void WriteFormatContent(LogStore* store);

}  // namespace kappa::storage

#endif  // KAPPA_TESTS_STORAGE_FORMAT_CONTENT_H_
