// What appending costs the store, stage by stage, one thread:
//   bazel run //tests/performance:store_append_benchmark
//
// Cycles of 1 MiB in batches of 1 KiB or 128 KiB: the WriteBatch is filled,
// goes into the memtable, and a whole cycle (with its log on the disk of
// $TMPDIR, synced, and the watermark) is committed; also a cycle of one record.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proto/wire/check.h"
#include "proto/wire/payload.h"
#include "storage/cycle_batch.h"
#include "storage/rocks_database.h"
#include "storage/rocks_log_store.h"
#include "tests/performance/bare_database.h"
#include "tests/performance/beside_limit.h"
#include "tests/performance/sample_batches.h"
#include "tests/performance/scratch_folder.h"
#include "tests/storage/log_script.h"

namespace kappa::performance {
namespace {

constexpr size_t kCycleBytes = size_t{1} << 20;
constexpr ReplicaNumber kReplica(1);

std::vector<storage::EntryWrite> Entries(RepeatedBatch* batch, size_t count) {
  std::vector<storage::EntryWrite> entries;
  for (size_t i = 0; i < count; ++i) entries.push_back(batch->Next());
  return entries;
}

// A store's database alone.
class Database {
 public:
  Database() {
    storage::RocksSettings settings;
    settings.memtable_bytes = size_t{64} << 20;
    settings.wal_bytes_max = uint64_t{512} << 20;
    settings.block_cache = rocksdb::NewLRUCache(size_t{64} << 20);
    const std::string path = folder_.path() + "/db";
    const absl::Status created = storage::RocksDatabase::Create(path, settings);
    KAPPA_CHECK(created.ok(), "no database");
    database_ = *storage::RocksDatabase::Open(path, settings, {});
    segment_ = database_->TakeSegments().begin()->second;
  }

  rocksdb::ColumnFamilyHandle* segment() const { return segment_.get(); }
  rocksdb::ColumnFamilyHandle* meta() const { return database_->meta(); }

  void WriteWithoutLog(rocksdb::WriteBatch* batch) {
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    KAPPA_CHECK(database_->db()->Write(options, batch).ok(), "a write failed");
  }

 private:
  ScratchFolder folder_;
  std::unique_ptr<storage::RocksDatabase> database_;
  storage::Family segment_;  // goes before the database
};

void Fill(const Database& database,
          const std::vector<storage::EntryWrite>& entries,
          storage::CycleBatch* cycle) {
  cycle->Begin(1, Digest{}, kCycleBytes);
  for (const storage::EntryWrite& entry : entries) {
    cycle->PutEntry(database.segment(), kReplica, entry.header, entry.payload);
  }
  cycle->Finish(database.meta());
}

void BM_FillCycle(benchmark::State& state) {
  const Database database;
  RepeatedBatch batch(kReplica, Digest{}, state.range(0));
  const auto entries = Entries(&batch, kCycleBytes / state.range(0));
  storage::CycleBatch cycle;
  RunBeside(
      state, {kCycleBytes, entries.size()}, "memcpy of the payloads",
      [&] { Fill(database, entries, &cycle); },
      CopyOf(RandomBytes(kCycleBytes)));
}
BENCHMARK(BM_FillCycle)->Arg(1 << 10)->Arg(128 << 10);

// Without the flushes, which another thread makes. A memtable is full before a
// key comes again.
void BM_Memtable(benchmark::State& state) {
  constexpr size_t kCycles = 70;
  Database database;
  RepeatedBatch batch(kReplica, Digest{}, state.range(0));
  const size_t batches = kCycleBytes / static_cast<size_t>(state.range(0));
  std::vector<storage::CycleBatch> cycles(kCycles);
  for (storage::CycleBatch& cycle : cycles) {
    Fill(database, Entries(&batch, batches), &cycle);
  }
  size_t next = 0;
  RunBeside(
      state, {kCycleBytes, batches}, "memcpy of the payloads",
      [&] { database.WriteWithoutLog(cycles[next++ % kCycles].batch()); },
      CopyOf(RandomBytes(kCycleBytes)));
}
BENCHMARK(BM_Memtable)->Arg(1 << 10)->Arg(128 << 10);

// range(0) bytes in batches of range(1).
void BM_CommitCycle(benchmark::State& state) {
  const ScratchFolder folder;
  const auto cycle_bytes = static_cast<size_t>(state.range(0));
  const auto batch_bytes = static_cast<size_t>(state.range(1));
  const size_t batches = cycle_bytes / batch_bytes;
  storage::RocksLogStoreOptions options;
  options.directory = folder.path() + "/data";
  auto store = storage::RocksLogStore::Open(options);
  KAPPA_CHECK(store.ok(), "no store");
  const storage::ReplicaSpec spec = storage::SpecOfGroup(1);
  const auto numbers = (*store)->CreateReplicas({spec});
  KAPPA_CHECK(numbers.ok(), "no replica");
  RepeatedBatch batch(numbers->front(), spec.chain_start, batch_bytes);
  std::filesystem::create_directories(folder.path() + "/bare");
  auto bare = BareDatabase::Create(folder.path() + "/bare");
  KAPPA_CHECK(bare.ok(), "no bare database");
  const std::string row = RandomBytes(batch_bytes);
  RunBeside(
      state, {cycle_bytes, batches}, "bare RocksDB, one synced write",
      [&] {
        std::vector<storage::GroupWrite> writes(1);
        for (size_t i = 0; i < batches; ++i) batch.AppendTo(&writes[0]);
        KAPPA_CHECK((*store)->Commit(writes).ok(), "a commit failed");
      },
      [&] {
        rocksdb::WriteBatch rows;
        for (size_t i = 0; i < batches; ++i) {
          KAPPA_CHECK((*bare)->Put(row, &rows).ok(), "a put failed");
        }
        KAPPA_CHECK((*bare)->Write(&rows).ok(), "a write failed");
      },
      Measure::kRealTime);
}
BENCHMARK(BM_CommitCycle)
    ->ArgNames({"cycle", "batch"})
    ->Args({1 << 10, 1 << 10})
    ->Args({1 << 20, 1 << 10})
    ->Args({1 << 20, 128 << 10})
    ->UseRealTime();

}  // namespace
}  // namespace kappa::performance

BENCHMARK_MAIN();
