// ProducerRegistry: the named producers of the cluster and their epochs.
#ifndef KAPPA_SERVER_PRODUCER_REGISTRY_H_
#define KAPPA_SERVER_PRODUCER_REGISTRY_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kappa/storage/v1/metadata.pb.h"
#include "proto/wire/types.h"
#include "server/known_producers.h"
#include "storage/log_store.h"

namespace kappa::server {

struct NamedProducer {
  Uuid id{};
  uint64_t epoch = 0;
};

// What the row of the name says; absent: there is none. Waits for the disk.
// Errors: those of the store; DATA_LOSS: the row cannot be decoded.
absl::StatusOr<std::optional<NamedProducer>> ReadNamedProducer(
    const storage::LogStore& store, std::string_view name);

// The rows are the registry: in memory is only what of them is changed and not
// durable yet, or held for commands that are under way, so that a million
// producers cost no more than their ids (KnownProducers).
//
// Thread safety: thread-compatible.
class ProducerRegistry {
 public:
  // Where rows are read; absent: all of them stay in memory. Outlives this.
  void ReadFrom(const storage::LogStore* store) { store_ = store; }
  // Takes note of a stored row. Errors: DATA_LOSS: it cannot be decoded.
  absl::Status Load(std::string_view value);

  // Keeps the name in memory until its Open(); once for each Open(). False, and
  // nothing is changed: the row must be read first.
  bool TryHold(std::string_view name);
  // The same, with what ReadNamedProducer told since TryHold said false; it is
  // of no account once the name is held.
  // Requires: no Open() of the name was proposed in between.
  void Hold(std::string_view name, std::optional<NamedProducer> row);
  // That Open() does not come after all.
  void LetGo(std::string_view name);
  // Raises the producer's epoch; makes the producer if it is new. Adds the
  // changed row to `rows`.
  // Requires: the name is held.
  NamedProducer Open(const storage::v1::OpenProducerCommand& command,
                     std::vector<storage::SideRow>* rows);
  // Of a name that is in memory. Null: its row says what there is.
  const std::optional<NamedProducer>* FindHeld(std::string_view name) const;

  // How many rows were changed so far.
  uint64_t changes() const { return changes_; }
  // The rows of the first `changes` changes can be read in the store.
  void OnDurable(uint64_t changes);

  size_t size() const { return size_; }
  // Of names that are in memory.
  size_t held() const { return held_.size(); }
  // Ids and epochs, for other threads.
  const std::shared_ptr<KnownProducers>& known() const { return known_; }

 private:
  struct Held {
    std::optional<NamedProducer> producer;  // absent: there is none
    uint32_t holders = 0;
    uint64_t change = 0;  // its newest one that is not durable; 0: none
  };
  void Release(absl::flat_hash_map<std::string, Held>::iterator held);

  const storage::LogStore* store_ = nullptr;
  absl::flat_hash_map<std::string, Held> held_;
  std::deque<std::pair<uint64_t, std::string>> changed_;  // not durable
  uint64_t changes_ = 0;
  size_t size_ = 0;
  std::shared_ptr<KnownProducers> known_ = std::make_shared<KnownProducers>();
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PRODUCER_REGISTRY_H_
