// MemoryHarness: a node on a MemoryLogStore, whose writes a test controls.
#ifndef KAPPA_TESTS_SERVER_MEMORY_HARNESS_H_
#define KAPPA_TESTS_SERVER_MEMORY_HARNESS_H_

#include <memory>
#include <utility>

#include "server/identity.h"
#include "storage/memory_log_store.h"
#include "tests/server/node_harness.h"
#include "tests/server/store_view.h"

namespace kappa::server {

class MemoryHarness final : public NodeHarness {
 public:
  absl::Status Open() override;
  void Stop() override;
  void Kill() override;

  storage::MemoryLogStore& store() { return *store_; }
  // The one that the node is opened on.
  storage::LogStore& any_store() { return *opened_on_; }
  // From the next Open on, in place of the one in memory. It stays open when
  // the node is killed: what it wrote is durable.
  void SetStore(std::shared_ptr<storage::LogStore> store) {
    opened_on_ = std::move(store);
  }
  storage::StoreControl& control() { return *control_; }
  // As the node will be opened.
  Identity identity = Identity::OfNewCluster();

 private:
  std::shared_ptr<storage::MemoryLogStore> store_ =
      std::make_shared<storage::MemoryLogStore>();
  std::shared_ptr<storage::LogStore> opened_on_ = store_;
  std::shared_ptr<storage::StoreControl> control_ =
      std::make_shared<storage::StoreControl>();
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_MEMORY_HARNESS_H_
