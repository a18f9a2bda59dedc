// PartitionPlaces: where each of some partitions goes on, as text:
// "0:120,3:7,4-9:0".
#ifndef KAPPA_CLIENT_CLI_PARTITION_PLACES_H_
#define KAPPA_CLIENT_CLI_PARTITION_PLACES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/wire/types.h"

namespace kappa::cli {

struct PartitionPlaces {
  std::vector<uint32_t> partitions;
  std::vector<Offset> offsets;  // of each partition

  // Whether `text` is meant to be one: a partition and a colon come first.
  static bool Looks(std::string_view text);
  // Items PARTITION:OFFSET or FIRST-LAST:OFFSET, separated by commas.
  // Errors: INVALID_ARGUMENT naming the item: not of that form, or a partition
  // that was named before.
  static absl::StatusOr<PartitionPlaces> Parse(std::string_view text);
  // Partitions that follow each other and have the same offset are one item.
  std::string ToString() const;
};

// Errors: INVALID_ARGUMENT: a partition comes twice.
absl::Status CheckDistinct(const std::vector<uint32_t>& partitions);

}  // namespace kappa::cli

#endif  // KAPPA_CLIENT_CLI_PARTITION_PLACES_H_
