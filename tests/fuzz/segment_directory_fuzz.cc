// Fuzzing the decoders of directory rows and of sealed segments (the first byte
// chooses), and what the directory answers about a segment so described.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/sealed_row.h"
#include "storage/segment_directory.h"
#include "tests/fuzz/sealed_input.h"

namespace kappa::storage {
namespace {

void CheckDirectory(std::string_view body) {
  const auto row = DecodeSealedRow(SealWithCrc32c(body));
  if (!row.ok()) return;
  SegmentDirectory directory;
  for (const SealedReplica& replica : row->replicas) {
    directory.AddReplica(replica.replica, LogIndex(0));
  }
  directory.PutSealed(*row);
  for (const SealedReplica& replica : row->replicas) {
    const auto range = directory.Locate(replica.replica, replica.row.first);
    KAPPA_CHECK(!range.has_value() || range->first < range->end,
                "an empty range holds an index");
  }
  directory.VisibleIn(row->segment,
                      [](ReplicaNumber) { return LogIndex(1000); });
  directory.SealedUsage();
}

}  // namespace
}  // namespace kappa::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kappa::storage;  // one function
  if (size == 0) return 0;
  const std::string_view row = kappa::InputBytes(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    kappa::CheckRowDecoder(row, DecodeDirectoryRow, EncodeDirectoryRow);
  } else {
    kappa::CheckRowDecoder(row, DecodeSealedRow, EncodeSealedRow);
    CheckDirectory(row);
  }
  return 0;
}
