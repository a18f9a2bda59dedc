// Configurations of a group as bytes: what a configuration entry carries, and
// the row that says where a replica's newest ones are.
#ifndef KAPPA_STORAGE_CONFIGURATION_ROWS_H_
#define KAPPA_STORAGE_CONFIGURATION_ROWS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "proto/wire/types.h"
#include "raft/configuration.h"
#include "raft/core_options.h"
#include "storage/log_store.h"

namespace kappa::storage {

// The payload of a configuration entry.
std::string EncodeConfiguration(const raft::Configuration& configuration);
// Errors: DATA_LOSS: damaged.
absl::StatusOr<raft::Configuration> DecodeConfiguration(std::string_view bytes);

// Where the row below is, in SideTable::kProducers.
std::string ConfigurationKey(ReplicaNumber replica);
// The row of `replica` that names the newest configuration entries of its log,
// ascending; to be written together with them. No entries: the row goes. It
// lies among the replica's rows in SideTable::kProducers, which are dropped
// with the replica.
SideRow ConfigurationRow(ReplicaNumber replica,
                         absl::Span<const raft::ConfigurationAt> newest);
// What that row says; none when there is no row.
// Errors: those of the store; DATA_LOSS: damaged.
absl::StatusOr<std::vector<raft::ConfigurationAt>> ReadConfigurationRow(
    const LogStore& store, ReplicaNumber replica);

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_CONFIGURATION_ROWS_H_
