#include "server/producer_registry.h"

#include <utility>

#include "proto/wire/check.h"
#include "proto/wire/string_view.h"
#include "server/metadata_rows.h"
#include "server/random_uuid.h"

namespace kappa::server {
namespace {

absl::StatusOr<NamedProducer> Decode(std::string_view value) {
  storage::v1::ProducerRow row;
  if (!row.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return absl::DataLossError("a producer's row cannot be decoded");
  }
  return NamedProducer{UuidOf(row.id()), row.epoch()};
}

}  // namespace

absl::StatusOr<std::optional<NamedProducer>> ReadNamedProducer(
    const storage::LogStore& store, std::string_view name) {
  const auto row = store.GetSideRow(storage::SideTable::kMetadata,
                                    RowKey(kProducerPrefix, name));
  if (!row.ok()) return row.status();
  if (!row->has_value()) return std::nullopt;
  const absl::StatusOr<NamedProducer> producer = Decode(**row);
  if (!producer.ok()) return producer.status();
  return *producer;
}

absl::Status ProducerRegistry::Load(std::string_view value) {
  const absl::StatusOr<NamedProducer> producer = Decode(value);
  if (!producer.ok()) return producer.status();
  known_->Note(BytesOf(producer->id), producer->epoch);
  ++size_;
  return absl::OkStatus();
}

bool ProducerRegistry::TryHold(std::string_view name) {
  const auto found = held_.find(ToAbsl(name));
  if (found != held_.end()) {
    ++found->second.holders;
    return true;
  }
  if (store_ != nullptr) return false;
  Hold(name, std::nullopt);
  return true;
}

void ProducerRegistry::Hold(std::string_view name,
                            std::optional<NamedProducer> row) {
  Held& held =
      held_.try_emplace(std::string(name), Held{std::move(row)}).first->second;
  ++held.holders;
}

void ProducerRegistry::LetGo(std::string_view name) {
  const auto found = held_.find(ToAbsl(name));
  KAPPA_CHECK(found != held_.end() && found->second.holders > 0,
              "a producer is let go once");
  --found->second.holders;
  Release(found);
}

void ProducerRegistry::Release(
    absl::flat_hash_map<std::string, Held>::iterator held) {
  if (store_ == nullptr || held->second.holders > 0 ||
      held->second.change > 0) {
    return;
  }
  held_.erase(held);
}

NamedProducer ProducerRegistry::Open(
    const storage::v1::OpenProducerCommand& command,
    std::vector<storage::SideRow>* rows) {
  const auto found = held_.find(command.name());
  KAPPA_CHECK(found != held_.end() && found->second.holders > 0,
              "a producer is held before it is opened");
  Held& held = found->second;
  if (!held.producer.has_value()) {
    held.producer = NamedProducer{UuidOf(command.new_id()), 0};
    ++size_;
  }
  ++held.producer->epoch;
  --held.holders;
  held.change = ++changes_;
  if (store_ != nullptr) changed_.emplace_back(changes_, command.name());
  storage::v1::ProducerRow row;
  row.set_id(BytesOf(held.producer->id));
  row.set_epoch(held.producer->epoch);
  known_->Note(row.id(), row.epoch());
  rows->push_back(PutRow(RowKey(kProducerPrefix, command.name()), row));
  return *held.producer;
}

void ProducerRegistry::OnDurable(uint64_t changes) {
  while (!changed_.empty() && changed_.front().first <= changes) {
    const auto& [change, name] = changed_.front();
    const auto found = held_.find(name);
    if (found != held_.end() && found->second.change == change) {
      found->second.change = 0;
      Release(found);
    }
    changed_.pop_front();
  }
}

const std::optional<NamedProducer>* ProducerRegistry::FindHeld(
    std::string_view name) const {
  static constexpr std::optional<NamedProducer> kNone;
  const auto found = held_.find(ToAbsl(name));
  if (found != held_.end()) return &found->second.producer;
  return store_ == nullptr ? &kNone : nullptr;
}

}  // namespace kappa::server
