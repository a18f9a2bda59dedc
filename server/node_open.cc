// Node::Open: the node on a data directory.
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/identity.h"
#include "server/local_node.h"
#include "server/logging.h"
#include "server/memory_budget.h"
#include "server/met_nodes.h"
#include "server/node.h"
#include "storage/rocks_log_store.h"
#include "storage/set_aside.h"

namespace kappa::server {
namespace {

using storage::RocksLogStore;

// Raised when the node has ended its last write.
using WrittenFlag = std::shared_ptr<std::atomic<bool>>;

absl::StatusOr<std::unique_ptr<RocksLogStore>> OpenStore(
    const NodeOptions& options, const WrittenFlag& written) {
  storage::RocksLogStoreOptions store_options;
  store_options.directory = options.data_dir;
  store_options.segment_bytes = options.segment_bytes;
  store_options.memtable_bytes = options.memtable_bytes;
  store_options.block_cache_bytes = options.block_cache_bytes;
  store_options.read_ahead_bytes = ReadAheadBytes(options.block_cache_bytes);
  store_options.on_locked = options.on_locked;
  if (options.disk != nullptr) {
    store_options.sealing_paused = std::shared_ptr<const std::atomic<bool>>(
        options.disk, &options.disk->low());
  }
  // Closing ends a flush that runs, which RocksDB reports as an error of that
  // flush. Everything acknowledged is in the synced WAL by then, and the next
  // open reads it from there.
  store_options.on_fatal =
      [written, on_fatal = options.on_fatal](const absl::Status& status) {
        if (!written->load()) on_fatal(status);
      };
  return RocksLogStore::Open(std::move(store_options));
}

// How the log of the process before ended.
const char* EndOfLog(const storage::OpenReport& report) {
  if (report.continued) {
    return "lacked the last cycle, which was taken from the watermark";
  }
  return report.torn_tail ? "damaged behind the watermark, and dropped there"
                          : "read as far as it goes";
}

// How an existing directory was found.
void LogOpened(const storage::OpenReport& report) {
  if (report.created) return;
  LogInfo("the data directory holds what it promised",
          {{"watermark_cycle", absl::StrCat(report.watermark_cycle)},
           {"recovered_cycle", absl::StrCat(report.recovered_cycle)},
           {"end_of_log", EndOfLog(report)},
           {"replicas", absl::StrCat(report.replicas)},
           {"sealed_segments", absl::StrCat(report.sealed_segments)},
           {"entries_walked", absl::StrCat(report.entries_walked)}});
  if (!report.watermark_slot_damaged) return;
  LogWarning(
      "one of the two slots of the watermark was damaged; the other one was "
      "used");
}

// The directory's identity; a new one for a directory that holds nothing yet.
absl::StatusOr<Identity> FindIdentity(const NodeOptions& options,
                                      const RocksLogStore& store) {
  const std::string& data_dir = options.data_dir;
  absl::StatusOr<std::optional<Identity>> found = ReadIdentity(data_dir);
  if (!found.ok()) return found.status();
  if (found->has_value() && !options.find_cluster) return **found;
  if (!found->has_value() && !store.Replicas().empty()) {
    return absl::DataLossError(data_dir +
                               "/identity is gone, but the directory holds "
                               "replicas");
  }
  if (options.find_cluster) return options.find_cluster();
  const Identity identity = Identity::OfNewCluster();
  const absl::Status written = WriteIdentity(data_dir, identity);
  if (!written.ok()) return written;
  return identity;
}

// Opens the node on the directory as it is.
absl::StatusOr<std::unique_ptr<Node>> OpenAsItIs(const NodeOptions& options) {
  const auto written = std::make_shared<std::atomic<bool>>(false);
  absl::StatusOr<std::unique_ptr<RocksLogStore>> store =
      OpenStore(options, written);
  if (!store.ok()) return store.status();
  const auto forgotten = storage::ReasonForgotten(options.data_dir);
  if (!forgotten.ok()) return forgotten.status();
  if (forgotten->has_value()) return Forgotten(**forgotten);
  LogOpened((*store)->open_report());
  absl::StatusOr<Identity> identity = FindIdentity(options, **store);
  if (!identity.ok()) return identity.status();
  absl::StatusOr<std::unique_ptr<LocalNode>> node =
      LocalNode::OpenOn(options, *std::move(store), *identity,
                        [written] { written->store(true); });
  if (!node.ok()) return node.status();
  if (!identity->formed) {
    identity->formed = true;
    const absl::Status marked = WriteIdentity(options.data_dir, *identity);
    if (!marked.ok()) return marked;
  }
  return *std::move(node);
}

// Makes the directory an empty one of the same node.
absl::Status StartAnew(const std::string& data_dir,
                       const absl::Status& forgotten) {
  const absl::StatusOr<std::optional<Identity>> former = ReadIdentity(data_dir);
  if (!former.ok()) return former.status();
  absl::StatusOr<std::string> aside =
      storage::SetAside(data_dir, std::string(forgotten.message()));
  if (!aside.ok()) return aside.status();
  LogError(
      "the data directory has forgotten what it promised: it is set "
      "aside, and the node waits to be taken in with an empty one",
      {{"error", std::string(forgotten.message())}, {"set_aside", *aside}});
  if (!former->has_value()) return absl::OkStatus();
  return ReserveDiskId(data_dir, (*former)->node_id).status();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Node>> Node::Open(NodeOptions options) {
  const absl::Status finished = storage::FinishSetAside(options.data_dir);
  if (!finished.ok()) return finished;
  while (true) {
    absl::StatusOr<std::unique_ptr<Node>> node = OpenAsItIs(options);
    if (!IsForgotten(node.status()) || !options.find_cluster) return node;
    const absl::Status anew = StartAnew(options.data_dir, node.status());
    if (!anew.ok()) return anew;
  }
}

}  // namespace kappa::server
