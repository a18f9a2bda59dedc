#include "tests/server/memory_harness.h"

namespace kappa::server {

std::vector<HarnessFactory> Harnesses() {
  return {[] { return std::make_unique<MemoryHarness>(); }};
}

}  // namespace kappa::server
