#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "tests/server/node_harness.h"

namespace kappa::server {
namespace {

// A node on a data directory. A killed one leaves the files as they are in the
// kernel's memory, as a process does that is killed: a copy of the directory,
// taken while the node is open, takes its place.
class RocksHarness final : public NodeHarness {
 public:
  RocksHarness() : root_(NewDirectory()) {
    options.memtable_bytes = 4 << 20;
    options.block_cache_bytes = 4 << 20;
  }
  ~RocksHarness() override {
    node_.reset();
    std::filesystem::remove_all(root_);
  }

  absl::Status Open() override {
    options.data_dir = Directory();
    absl::StatusOr<std::unique_ptr<Node>> node = Node::Open(options);
    if (!node.ok()) return node.status();
    node_ = *std::move(node);
    return absl::OkStatus();
  }

  void Stop() override { node_.reset(); }

  void Kill() override {
    const std::string dead = Directory();
    ++lives_;
    std::filesystem::copy(dead, Directory(),
                          std::filesystem::copy_options::recursive);
    node_.reset();
    std::filesystem::remove_all(dead);
  }

 private:
  static std::string NewDirectory() {
    const char* parent = std::getenv("TEST_TMPDIR");
    std::string pattern =
        std::string(parent != nullptr ? parent : "/tmp") + "/node-XXXXXX";
    return mkdtemp(pattern.data());
  }
  std::string Directory() const { return root_ + "/" + std::to_string(lives_); }

  const std::string root_;
  int lives_ = 0;
};

}  // namespace

std::vector<HarnessFactory> Harnesses() {
  return {[] { return std::make_unique<RocksHarness>(); }};
}

}  // namespace kappa::server
