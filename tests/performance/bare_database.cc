#include "tests/performance/bare_database.h"

#include <fcntl.h>
#include <unistd.h>

#include <limits>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "rocksdb/cache.h"
#include "rocksdb/file_checksum.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/options.h"
#include "rocksdb/rate_limiter.h"
#include "rocksdb/table.h"

namespace kappa::performance {
namespace {

constexpr size_t kMemtableBytes = size_t{64} << 20;
constexpr size_t kBlockCacheBytes = size_t{64} << 20;
constexpr uint64_t kWalBytesMax = uint64_t{512} << 20;
constexpr int64_t kFlushBytesPerSecond = int64_t{640} << 20;
constexpr int64_t kRefillPeriodUs = 10'000;

bool SupportsDirectIo(const std::string& directory) {
  const std::string probe = directory + "/.direct-io-probe";
  const int file =
      open(probe.c_str(), O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
  unlink(probe.c_str());
  if (file < 0) return false;
  close(file);
  return true;
}

absl::Status FromRocks(const rocksdb::Status& status, const char* what) {
  if (status.ok()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(what, ": ", status.ToString()));
}

// A replica's number; then the index, big-endian.
std::string KeyOf(uint64_t index) {
  std::string key = "12345678";
  for (int shift = 56; shift >= 0; shift -= 8) {
    key.push_back(static_cast<char>(index >> shift));
  }
  return key;
}

rocksdb::DBOptions DatabaseOptions(bool direct_io) {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.track_and_verify_wals_in_manifest = true;
  options.verify_sst_unique_id_in_manifest = true;
  options.file_checksum_gen_factory =
      rocksdb::GetFileChecksumGenCrc32cFactory();
  options.max_total_wal_size = kWalBytesMax;
  options.max_bgerror_resume_count = 0;
  options.atomic_flush = true;
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;
  options.use_direct_reads = direct_io;
  options.use_direct_io_for_flush_and_compaction = direct_io;
  options.bytes_per_sync = direct_io ? 0 : size_t{1} << 20;
  options.rate_limiter.reset(
      rocksdb::NewGenericRateLimiter(kFlushBytesPerSecond, kRefillPeriodUs));
  options.max_open_files = -1;
  options.max_background_flushes = 1;
  options.max_background_compactions = 1;
  options.avoid_unnecessary_blocking_io = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

rocksdb::ColumnFamilyOptions SegmentOptions() {
  constexpr int kFilesMax = std::numeric_limits<int>::max();
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  table.block_size = size_t{64} << 10;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  table.cache_index_and_filter_blocks = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kBinarySearchWithFirstKey;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));

  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.ttl = 0;
  options.periodic_compaction_seconds = 0;
  options.compression = rocksdb::kNoCompression;
  options.bottommost_compression = rocksdb::kNoCompression;
  options.write_buffer_size = kMemtableBytes;
  options.max_write_buffer_number = 2;
  options.arena_block_size = size_t{4} << 20;
  options.disable_auto_compactions = true;
  options.level0_file_num_compaction_trigger = kFilesMax;
  options.level0_slowdown_writes_trigger = kFilesMax;
  options.level0_stop_writes_trigger = kFilesMax;
  options.soft_pending_compaction_bytes_limit = 0;
  options.hard_pending_compaction_bytes_limit = 0;
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BareDatabase>> BareDatabase::Create(
    const std::string& directory) {
  rocksdb::Options options;
  static_cast<rocksdb::DBOptions&>(options) =
      DatabaseOptions(SupportsDirectIo(directory));
  std::unique_ptr<BareDatabase> database(new BareDatabase);
  rocksdb::DB* db = nullptr;
  absl::Status status = FromRocks(
      rocksdb::DB::Open(options, directory + "/db", &db), "open RocksDB");
  if (!status.ok()) return status;
  database->db_.reset(db);
  status = FromRocks(db->CreateColumnFamily(SegmentOptions(), "segment-1",
                                            &database->segment_),
                     "create the family");
  if (!status.ok()) return status;
  return database;
}

BareDatabase::~BareDatabase() {
  if (segment_ != nullptr) {
    db_->DestroyColumnFamilyHandle(segment_).PermitUncheckedError();
  }
}

absl::Status BareDatabase::Put(const std::string& value,
                               rocksdb::WriteBatch* batch) {
  return FromRocks(batch->Put(segment_, KeyOf(next_index_++), value), "put");
}

absl::Status BareDatabase::Get(uint64_t index,
                               rocksdb::PinnableSlice* value) const {
  return FromRocks(
      db_->Get(rocksdb::ReadOptions(), segment_, KeyOf(index), value), "get");
}

std::unique_ptr<rocksdb::Iterator> BareDatabase::Scan() const {
  return std::unique_ptr<rocksdb::Iterator>(
      db_->NewIterator(rocksdb::ReadOptions(), segment_));
}

absl::Status BareDatabase::Write(rocksdb::WriteBatch* batch) {
  rocksdb::WriteOptions options;
  options.sync = true;
  return FromRocks(db_->Write(options, batch), "synced write");
}

}  // namespace kappa::performance
