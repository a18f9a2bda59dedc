// RocksLogStore::State: the parts of the store and how they are put together.
// For rocks_log_store*.cc only.
#ifndef KAPPA_STORAGE_ROCKS_LOG_STORE_STATE_H_
#define KAPPA_STORAGE_ROCKS_LOG_STORE_STATE_H_

#include <map>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "proto/wire/types.h"
#include "rocksdb/cache.h"
#include "rocksdb/env.h"
#include "rocksdb/rate_limiter.h"
#include "storage/background_pace.h"
#include "storage/cycle_batch.h"
#include "storage/cycle_committer.h"
#include "storage/cycle_plan.h"
#include "storage/data_directory.h"
#include "storage/entry_reader.h"
#include "storage/generation_ledger.h"
#include "storage/log_store.h"
#include "storage/repaired_entries.h"
#include "storage/replica_table.h"
#include "storage/rocks_database.h"
#include "storage/rocks_listener.h"
#include "storage/rocks_log_store.h"
#include "storage/rocks_options.h"
#include "storage/scan_pool.h"
#include "storage/segment_directory.h"
#include "storage/segment_lifecycle.h"
#include "storage/sst_reader_cache.h"
#include "storage/verified_open.h"

namespace kappa::storage {

// Members are in the order of their dependence: the last one goes first.
class RocksLogStore::State {
 public:
  explicit State(RocksLogStoreOptions options_in)
      : options(std::move(options_in)) {}
  ~State() {
    // A flush under way is waited for.
    if (rate_limiter != nullptr) {
      rate_limiter->SetBytesPerSecond(
          static_cast<int64_t>(options.background_bytes_per_second));
    }
    scans.DropAll();
  }

  absl::Status Open();
  absl::Status Create(const RocksSettings& settings);
  absl::Status DropSealedFamilies(
      std::map<SegmentNumber, Family>* families) const;
  absl::Status LoadSegments(std::map<SegmentNumber, Family> families);
  void LoadReplicas();
  absl::Status BeginCycles();
  void StartLifecycle();

  // Makes the plan of `writes` and everything else that waits durable.
  // `promises`: something of a replica is in it.
  absl::Status CommitCycle(absl::Span<const GroupWrite> writes, bool promises,
                           CycleBatch* batch);
  // Runs `read` until no truncation came between.
  template <typename Result, typename Reading>
  absl::StatusOr<Result> ReadStable(ReplicaNumber replica, Reading read) const;
  // The first index in `bounds` whose header is not `before`.
  template <typename Before>
  absl::StatusOr<LogIndex> Search(ReplicaNumber replica, IndexBounds bounds,
                                  const VisibleLog& log, Before before) const;

  const RocksLogStoreOptions options;
  OpenReport report;

  std::unique_ptr<DataDirectory> directory;
  std::shared_ptr<rocksdb::Cache> block_cache;
  std::shared_ptr<rocksdb::RateLimiter> rate_limiter;
  std::unique_ptr<BackgroundPace> pace;
  std::shared_ptr<RocksListener> listener;
  std::unique_ptr<rocksdb::Env> env;
  std::unique_ptr<rocksdb::Env> sealing_env;
  bool direct_io = false;
  std::unique_ptr<SstReaderCache> readers;

  // Told of flushes by RocksDB's threads, so it outlives the database; emptied
  // before it ends.
  ScanPool scans;
  VerifiedDatabase opened;  // its database stays, the rest is used up by Open
  RocksDatabase* database = nullptr;
  SegmentDirectory segments;
  ReplicaTable replicas;
  RepairedEntries repaired;
  std::unique_ptr<EntryReader> entries;
  std::unique_ptr<CycleCommitter> committer;
  std::unique_ptr<CyclePlan> plan;
  std::unique_ptr<SegmentLifecycle> lifecycle;
  ReplicaNumber next_replica{1};
  GenerationLedger generations;
};

}  // namespace kappa::storage

#endif  // KAPPA_STORAGE_ROCKS_LOG_STORE_STATE_H_
