#include "storage/rocks_options.h"

#include <fcntl.h>
#include <unistd.h>

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/file_checksum.h"
#include "rocksdb/filter_policy.h"

namespace kappa::storage {
namespace {

// One entry of a usual batch is a block of its own; small ones share one.
constexpr size_t kBlockBytes = size_t{64} << 10;
constexpr size_t kSegmentArenaBytes = size_t{4} << 20;
constexpr size_t kSmallArenaBytes = size_t{256} << 10;
constexpr int kFilesMax = std::numeric_limits<int>::max();

void SetNeverExpires(rocksdb::ColumnFamilyOptions* options) {
  // The defaults of both are 30 days.
  options->ttl = 0;
  options->periodic_compaction_seconds = 0;
  options->compaction_style = rocksdb::kCompactionStyleLevel;
  options->enable_blob_files = false;
}

}  // namespace

rocksdb::DBOptions MakeDatabaseOptions(const RocksSettings& settings) {
  rocksdb::DBOptions options;
  options.create_if_missing = false;
  if (settings.env != nullptr) options.env = settings.env;
  options.paranoid_checks = true;
  options.track_and_verify_wals_in_manifest = true;
  options.verify_sst_unique_id_in_manifest = true;
  options.file_checksum_gen_factory =
      rocksdb::GetFileChecksumGenCrc32cFactory();
  // A flipped bit must be an error, not the silent end of the log.
  options.wal_recovery_mode =
      rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.max_total_wal_size = settings.wal_bytes_max;
  // Everything recovered is flushed at open, so that no torn log is kept.
  options.avoid_flush_during_recovery = false;
  options.recycle_log_file_num = 0;
  options.wal_bytes_per_sync = 0;
  options.manual_wal_flush = false;
  options.unordered_write = false;
  options.two_write_queues = false;
  options.best_efforts_recovery = false;
  options.allow_mmap_reads = false;
  options.allow_mmap_writes = false;
  // After an error nothing resumes: the process ends (RELIABILITY.md S9).
  options.max_bgerror_resume_count = 0;
  // `meta` and the side tables are flushed with each flush of the active
  // segment: a quiet family would pin every log, and one sequence number says
  // what is flushed in all families.
  options.atomic_flush = true;
  // There is one writer.
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;

  options.use_direct_reads = settings.direct_io;
  options.use_direct_io_for_flush_and_compaction = settings.direct_io;
  options.bytes_per_sync = settings.direct_io ? 0 : size_t{1} << 20;
  options.rate_limiter = settings.rate_limiter;
  options.max_open_files = -1;
  options.max_background_flushes = 1;
  // A flush leaves a file behind when its family, sealed meanwhile, is dropped
  // before it ends. Looking for such files every 6 hours is too seldom.
  options.delete_obsolete_files_period_micros = 60'000'000;
  options.max_background_compactions = 1;
  options.avoid_unnecessary_blocking_io = true;
  options.skip_stats_update_on_db_open = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.keep_log_file_num = 4;
  options.max_log_file_size = size_t{8} << 20;
  if (settings.listener) options.listeners.push_back(settings.listener);
  return options;
}

rocksdb::BlockBasedTableOptions MakeTableOptions(
    std::shared_ptr<rocksdb::Cache> block_cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(block_cache);
  table.block_size = kBlockBytes;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  table.cache_index_and_filter_blocks = true;
  // The first key of each block stands in the index, so a scan over the many
  // files of a segment reads only blocks that it needs.
  table.index_type = rocksdb::BlockBasedTableOptions::kBinarySearchWithFirstKey;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  return table;
}

rocksdb::ColumnFamilyOptions MakeFamilyOptions(const RocksSettings& settings,
                                               std::string_view family) {
  rocksdb::ColumnFamilyOptions options;
  SetNeverExpires(&options);
  options.compression = rocksdb::kNoCompression;
  options.bottommost_compression = rocksdb::kNoCompression;
  options.write_buffer_size = settings.memtable_bytes;
  options.max_write_buffer_number = 2;
  options.max_successive_merges = 0;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(
      MakeTableOptions(settings.block_cache)));
  if (family.starts_with(kSegmentFamilyPrefix)) {
    options.arena_block_size = kSegmentArenaBytes;
    options.disable_auto_compactions = true;
    options.level0_file_num_compaction_trigger = kFilesMax;
    options.level0_slowdown_writes_trigger = kFilesMax;
    options.level0_stop_writes_trigger = kFilesMax;
    options.soft_pending_compaction_bytes_limit = 0;
    options.hard_pending_compaction_bytes_limit = 0;
  } else {
    options.arena_block_size = kSmallArenaBytes;
    options.level0_file_num_compaction_trigger = 8;
  }
  return options;
}

absl::Status CheckDatabaseOptions(const rocksdb::DBOptions& options) {
  const std::pair<bool, const char*> rules[] = {
      {options.track_and_verify_wals_in_manifest,
       "track_and_verify_wals_in_manifest is off"},
      {options.verify_sst_unique_id_in_manifest,
       "verify_sst_unique_id_in_manifest is off"},
      {options.paranoid_checks, "paranoid_checks is off"},
      {options.atomic_flush, "atomic_flush is off"},
      {options.file_checksum_gen_factory != nullptr, "file checksums are off"},
      {options.max_bgerror_resume_count == 0,
       "max_bgerror_resume_count is not 0"},
      {options.recycle_log_file_num == 0, "recycle_log_file_num is not 0"},
      {options.wal_bytes_per_sync == 0, "wal_bytes_per_sync is not 0"},
      {!options.manual_wal_flush, "manual_wal_flush is on"},
      {!options.unordered_write, "unordered_write is on"},
      {!options.two_write_queues, "two_write_queues is on"},
      {!options.allow_mmap_reads, "allow_mmap_reads is on"},
      {!options.allow_mmap_writes, "allow_mmap_writes is on"},
      {!options.best_efforts_recovery, "best_efforts_recovery is on"},
      {options.wal_recovery_mode !=
           rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords,
       "wal_recovery_mode skips damaged records"},
  };
  for (const auto& [holds, breach] : rules) {
    if (!holds) {
      return absl::FailedPreconditionError(
          absl::StrCat("database option would lose data: ", breach));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFamilyOptions(std::string_view family,
                                const rocksdb::ColumnFamilyOptions& options) {
  const bool segment = family.starts_with(kSegmentFamilyPrefix);
  const std::pair<bool, const char*> rules[] = {
      {options.ttl == 0, "ttl is not 0"},
      {options.periodic_compaction_seconds == 0,
       "periodic_compaction_seconds is not 0"},
      {options.compaction_style != rocksdb::kCompactionStyleFIFO,
       "compaction style is FIFO"},
      {options.compaction_filter == nullptr &&
           options.compaction_filter_factory == nullptr,
       "a compaction filter is set"},
      {!options.enable_blob_files, "blob files are on"},
      {!segment || options.disable_auto_compactions,
       "a segment compacts by itself"},
  };
  for (const auto& [holds, breach] : rules) {
    if (!holds) {
      return absl::FailedPreconditionError(
          absl::StrCat("option of family ", std::string(family),
                       " would lose data: ", breach));
    }
  }
  return absl::OkStatus();
}

bool SupportsDirectIo(const std::string& directory) {
  const std::string probe = directory + "/.direct-io-probe";
  const int file =
      open(probe.c_str(), O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
  unlink(probe.c_str());
  if (file < 0) return false;
  close(file);
  return true;
}

}  // namespace kappa::storage
