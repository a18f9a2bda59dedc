// Batches as the measurements use them, the same in every run.
#ifndef KAPPA_TESTS_PERFORMANCE_SAMPLE_BATCHES_H_
#define KAPPA_TESTS_PERFORMANCE_SAMPLE_BATCHES_H_

#include <cstddef>
#include <string>

#include "proto/wire/types.h"
#include "storage/entry_header.h"
#include "storage/log_store.h"

namespace kappa::performance {

// As large as one batch of the append measurements.
inline constexpr size_t kBatchBytes = size_t{128} << 10;

// Bytes that do not compress.
std::string RandomBytes(size_t bytes);
// About half of it compresses away, as with JSON or log lines.
std::string TextBytes(size_t bytes);
// An encoded RecordSet of kBatchBytes, or a little more, with such values.
std::string EncodedBatch(size_t value_bytes);

// Appends the same payload to a log again and again, its checksums computed
// once.
//
// Thread safety: thread-compatible.
class RepeatedBatch {
 public:
  RepeatedBatch(ReplicaNumber replica, const Digest& chain_start, size_t bytes);

  // Adds the next entry.
  void AppendTo(storage::GroupWrite* write);
  storage::EntryWrite Next();

 private:
  const ReplicaNumber replica_;
  Digest chain_;
  storage::EntryHeader header_;
  Payload payload_;
};

}  // namespace kappa::performance

#endif  // KAPPA_TESTS_PERFORMANCE_SAMPLE_BATCHES_H_
