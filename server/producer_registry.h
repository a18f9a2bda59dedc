// ProducerRegistry: the named producers of the cluster and their epochs.
#ifndef KAPPA_SERVER_PRODUCER_REGISTRY_H_
#define KAPPA_SERVER_PRODUCER_REGISTRY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "kappa/storage/v1/metadata.pb.h"
#include "proto/wire/types.h"
#include "server/known_producers.h"
#include "storage/log_store.h"

namespace kappa::server {

struct NamedProducer {
  Uuid id{};
  uint64_t epoch = 0;
};

// Thread safety: thread-compatible.
class ProducerRegistry {
 public:
  // Takes over a stored row. Errors: DATA_LOSS: it cannot be decoded.
  absl::Status Load(std::string_view name, std::string_view value);

  // Raises the producer's epoch; makes the producer if it is new. Adds the
  // changed row to `rows`.
  NamedProducer Open(const storage::v1::OpenProducerCommand& command,
                     std::vector<storage::SideRow>* rows);
  std::optional<NamedProducer> Find(std::string_view name) const;
  size_t size() const { return producers_.size(); }
  // The same for other threads.
  const std::shared_ptr<KnownProducers>& known() const { return known_; }

 private:
  absl::flat_hash_map<std::string, NamedProducer> producers_;
  std::shared_ptr<KnownProducers> known_ = std::make_shared<KnownProducers>();
};

}  // namespace kappa::server

#endif  // KAPPA_SERVER_PRODUCER_REGISTRY_H_
