#include "tests/server/memory_harness.h"

#include <utility>

#include "server/local_node.h"

namespace kappa::server {

absl::Status MemoryHarness::Open() {
  absl::StatusOr<std::unique_ptr<LocalNode>> node = LocalNode::OpenOn(
      options, std::make_unique<storage::StoreView>(opened_on_, control_),
      identity);
  if (!node.ok()) return node.status();
  node_ = *std::move(node);
  identity.formed = true;
  return absl::OkStatus();
}

void MemoryHarness::Stop() { node_.reset(); }

void MemoryHarness::Kill() {
  control_->Cut();
  node_.reset();
  control_->Mend();
}

}  // namespace kappa::server
