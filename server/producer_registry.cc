#include "server/producer_registry.h"

#include <utility>

#include "proto/wire/string_view.h"
#include "server/metadata_rows.h"
#include "server/random_uuid.h"

namespace kappa::server {

absl::Status ProducerRegistry::Load(std::string_view name,
                                    std::string_view value) {
  storage::v1::ProducerRow row;
  if (!row.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return absl::DataLossError("a producer's row cannot be decoded");
  }
  producers_[std::string(name)] = {UuidOf(row.id()), row.epoch()};
  known_->Note(row.id(), row.epoch());
  return absl::OkStatus();
}

NamedProducer ProducerRegistry::Open(
    const storage::v1::OpenProducerCommand& command,
    std::vector<storage::SideRow>* rows) {
  const auto [found, is_new] = producers_.try_emplace(command.name());
  NamedProducer& producer = found->second;
  if (is_new) producer.id = UuidOf(command.new_id());
  ++producer.epoch;
  storage::v1::ProducerRow row;
  row.set_id(BytesOf(producer.id));
  row.set_epoch(producer.epoch);
  known_->Note(row.id(), row.epoch());
  rows->push_back(PutRow(RowKey(kProducerPrefix, command.name()), row));
  return producer;
}

std::optional<NamedProducer> ProducerRegistry::Find(
    std::string_view name) const {
  const auto found = producers_.find(ToAbsl(name));
  if (found == producers_.end()) return std::nullopt;
  return found->second;
}

}  // namespace kappa::server
