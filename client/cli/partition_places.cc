#include "client/cli/partition_places.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "proto/wire/string_view.h"

namespace kappa::cli {
namespace {

// As many as a topic may have.
constexpr uint64_t kPartitionsMax = 10'000;

// Digits only: a time like 2026-01-31T12:00 has other parts.
bool ReadNumber(absl::string_view text, uint64_t* number) {
  return !text.empty() &&
         text.find_first_not_of("0123456789") == absl::string_view::npos &&
         absl::SimpleAtoi(text, number);
}

struct Item {
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t offset = 0;
};

bool ReadItem(absl::string_view text, Item* item) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(':', 1));
  const std::pair<absl::string_view, absl::string_view> ends =
      absl::StrSplit(parts.first, absl::MaxSplits('-', 1));
  const bool range = parts.first.find('-') != absl::string_view::npos;
  return ReadNumber(ends.first, &item->first) &&
         ReadNumber(range ? ends.second : ends.first, &item->last) &&
         ReadNumber(parts.second, &item->offset) && item->first <= item->last &&
         item->last < kPartitionsMax;
}

}  // namespace

bool PartitionPlaces::Looks(std::string_view text) {
  const std::vector<absl::string_view> items =
      absl::StrSplit(ToAbsl(text), ',');
  Item item;
  return ReadItem(items.front(), &item);
}

absl::StatusOr<PartitionPlaces> PartitionPlaces::Parse(std::string_view text) {
  PartitionPlaces places;
  for (const absl::string_view part : absl::StrSplit(ToAbsl(text), ',')) {
    Item item;
    if (!ReadItem(part, &item)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", part,
                       "\" is neither PARTITION:OFFSET nor "
                       "FIRST-LAST:OFFSET"));
    }
    for (uint64_t partition = item.first; partition <= item.last; ++partition) {
      places.partitions.push_back(static_cast<uint32_t>(partition));
      places.offsets.push_back(Offset(item.offset));
    }
  }
  const absl::Status distinct = CheckDistinct(places.partitions);
  if (!distinct.ok()) return distinct;
  return places;
}

std::string PartitionPlaces::ToString() const {
  std::string text;
  for (size_t i = 0; i < partitions.size();) {
    size_t end = i + 1;
    while (end < partitions.size() && offsets[end] == offsets[i] &&
           partitions[end] == partitions[end - 1] + 1) {
      ++end;
    }
    absl::StrAppend(&text, i == 0 ? "" : ",", partitions[i]);
    if (end > i + 1) absl::StrAppend(&text, "-", partitions[end - 1]);
    absl::StrAppend(&text, ":", offsets[i].value());
    i = end;
  }
  return text;
}

absl::Status CheckDistinct(const std::vector<uint32_t>& partitions) {
  std::vector<uint32_t> sorted = partitions;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice == sorted.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("partition ", *twice, " is named twice"));
}

}  // namespace kappa::cli
