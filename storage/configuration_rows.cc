#include "storage/configuration_rows.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "storage/producer_record.h"
#include "storage/row_format.h"

namespace kappa::storage {
namespace {

// Beside the rows of producers: 'C', 'N' and 'U' are theirs.
constexpr char kConfigurationRow = 'G';

}  // namespace

std::string ConfigurationKey(ReplicaNumber replica) {
  return ProducerRowsPrefix(replica) + kConfigurationRow;
}

std::string EncodeConfiguration(const raft::Configuration& configuration) {
  RowWriter row(RowFormatFor(configuration));
  row.Configuration(configuration);
  return std::move(row).Finish();
}

absl::StatusOr<raft::Configuration> DecodeConfiguration(
    std::string_view bytes) {
  RowReader row(bytes);
  raft::Configuration configuration = row.Configuration();
  if (!row.Finish()) {
    return absl::DataLossError("a configuration entry is damaged");
  }
  return configuration;
}

SideRow ConfigurationRow(ReplicaNumber replica,
                         absl::Span<const raft::ConfigurationAt> newest) {
  SideRow side{SideTable::kProducers, ConfigurationKey(replica), std::nullopt};
  if (newest.empty()) return side;
  RowWriter row;
  row.Number32(static_cast<uint32_t>(newest.size()));
  for (const raft::ConfigurationAt& at : newest) {
    row.Number(at.index.value());
    row.Bytes(EncodeConfiguration(at.configuration));
  }
  side.value = std::move(row).Finish();
  return side;
}

absl::StatusOr<std::vector<raft::ConfigurationAt>> ReadConfigurationRow(
    const LogStore& store, ReplicaNumber replica) {
  auto stored =
      store.GetSideRow(SideTable::kProducers, ConfigurationKey(replica));
  if (!stored.ok()) return stored.status();
  std::vector<raft::ConfigurationAt> newest;
  if (!stored->has_value()) return newest;
  RowReader row(**stored);
  const uint32_t count = row.Number32();
  for (uint32_t i = 0; i < count && row.good(); ++i) {
    const LogIndex index(row.Number());
    absl::StatusOr<raft::Configuration> configuration =
        DecodeConfiguration(row.Bytes());
    if (!configuration.ok()) return configuration.status();
    newest.push_back({index, *std::move(configuration)});
  }
  if (row.Finish()) return newest;
  return absl::DataLossError(absl::StrCat("the configuration row of replica ",
                                          replica.value(), " is damaged"));
}

}  // namespace kappa::storage
