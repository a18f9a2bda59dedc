// MemoryHarness: a node on a MemoryLogStore, whose writes a test controls.
#ifndef KAPPA_TESTS_SERVER_MEMORY_HARNESS_H_
#define KAPPA_TESTS_SERVER_MEMORY_HARNESS_H_

#include <memory>

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
  storage::StoreControl& control() { return *control_; }
  // As the node will be opened.
  Identity identity = Identity::OfNewCluster();

 private:
  std::shared_ptr<storage::MemoryLogStore> store_ =
      std::make_shared<storage::MemoryLogStore>();
  std::shared_ptr<storage::StoreControl> control_ =
      std::make_shared<storage::StoreControl>();
};

}  // namespace kappa::server

#endif  // KAPPA_TESTS_SERVER_MEMORY_HARNESS_H_
