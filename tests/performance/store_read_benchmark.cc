// What reading costs the store, one thread:
//   bazel run //tests/performance:store_read_benchmark
//
// Reads of 1 MiB, one after the other through a log of 24 MiB, from the
// memtable and from a sealed segment in the page cache; and of single entries.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proto/wire/check.h"
#include "proto/wire/mutex.h"
#include "rocksdb/options.h"
#include "rocksdb/sst_file_reader.h"
#include "storage/rocks_log_store.h"
#include "tests/performance/bare_database.h"
#include "tests/performance/beside_limit.h"
#include "tests/performance/sample_batches.h"
#include "tests/performance/scratch_folder.h"
#include "tests/storage/log_script.h"

namespace kappa::performance {
namespace {

constexpr size_t kLogBytes = size_t{24} << 20;
constexpr size_t kReadBytes = size_t{1} << 20;
constexpr uint64_t kSegmentBytes = uint64_t{16} << 20;

// Told when the store wants a commit.
class Wanted {
 public:
  void Set() {
    MutexLock lock(&mutex_);
    wanted_ = true;
    changed_.Signal();
  }
  void Await() {
    MutexLock lock(&mutex_);
    while (!wanted_) changed_.Wait(&mutex_);
    wanted_ = false;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool wanted_ ABSL_GUARDED_BY(mutex_) = false;
};

// A store with a log of kLogBytes: all of it in the memtable, or the first
// segment of it sealed.
class Log {
 public:
  Log(size_t batch_bytes, bool sealed) {
    storage::RocksLogStoreOptions options;
    options.directory = folder_.path() + "/data";
    options.direct_io = false;  // the page cache has what is read
    if (sealed) options.segment_bytes = kSegmentBytes;
    options.on_commit_wanted = [this] { wanted_.Set(); };
    auto store = storage::RocksLogStore::Open(options);
    KAPPA_CHECK(store.ok(), "no store");
    store_ = *std::move(store);
    const storage::ReplicaSpec spec = storage::SpecOfGroup(1);
    const auto numbers = store_->CreateReplicas({spec});
    KAPPA_CHECK(numbers.ok(), "no replica");
    replica_ = numbers->front();
    RepeatedBatch batch(replica_, spec.chain_start, batch_bytes);
    for (size_t at = 0; at < kLogBytes; at += kReadBytes) {
      std::vector<storage::GroupWrite> writes(1);
      for (size_t i = 0; i < kReadBytes / batch_bytes; ++i) {
        batch.AppendTo(&writes[0]);
      }
      KAPPA_CHECK(store_->Commit(writes).ok(), "a commit failed");
    }
    // What a scan may be of: sealed, or all of it.
    last_ = LogIndex((sealed ? kSegmentBytes / 2 : kLogBytes) / batch_bytes);
    while (sealed && store_->stats().sealed_segments == 0) {
      wanted_.Await();
      KAPPA_CHECK(store_->Commit({}).ok(), "a commit failed");
    }
  }

  // The next kReadBytes; from the front again after the last ones.
  void ReadOn() {
    if (next_ > last_) next_ = LogIndex(1);
    const auto read = store_->Read(replica_, next_, last_, kReadBytes,
                                   storage::ReadClass::kReplay);
    KAPPA_CHECK(read.ok() && !read->empty(), "a read failed");
    benchmark::DoNotOptimize(read->data());
    next_ = read->back().header.index.Next();
  }
  void ReadOne() {
    if (next_ > last_) next_ = LogIndex(1);
    const auto read =
        store_->Read(replica_, next_, next_, 1, storage::ReadClass::kPoint);
    KAPPA_CHECK(read.ok() && read->size() == 1, "a read failed");
    benchmark::DoNotOptimize(read->data());
    next_ = next_.Next();
  }
  void ReadOneHeader() {
    if (next_ > last_) next_ = LogIndex(1);
    const auto header = store_->ReadHeader(replica_, next_);
    KAPPA_CHECK(header.ok(), "a read failed");
    next_ = next_.Next();
  }

  // A file of the sealed segment.
  std::string SealedFile() const {
    std::string found;
    for (const auto& file : std::filesystem::recursive_directory_iterator(
             folder_.path() + "/data/sealed")) {
      if (file.path().extension() == ".sst") found = file.path();
    }
    KAPPA_CHECK(!found.empty(), "no sealed file");
    return found;
  }

 private:
  ScratchFolder folder_;
  Wanted wanted_;
  std::unique_ptr<storage::RocksLogStore> store_;
  ReplicaNumber replica_;
  LogIndex next_{1};
  LogIndex last_;
};

// The values that an iterator passes until kReadBytes; round and round.
class BareScan {
 public:
  explicit BareScan(rocksdb::Iterator* iterator) : iterator_(iterator) {}

  void operator()() {
    for (size_t bytes = 0; bytes < kReadBytes; iterator_->Next()) {
      if (!iterator_->Valid()) iterator_->SeekToFirst();
      KAPPA_CHECK(iterator_->Valid(), "a scan failed");
      bytes += iterator_->value().size();
    }
  }

 private:
  rocksdb::Iterator* const iterator_;
};

// The same rows in a database without anything of the store's.
class BareLog {
 public:
  explicit BareLog(size_t batch_bytes) : rows_(kLogBytes / batch_bytes) {
    std::filesystem::create_directories(folder_.path());
    auto database = BareDatabase::Create(folder_.path());
    KAPPA_CHECK(database.ok(), "no bare database");
    database_ = *std::move(database);
    const std::string row = RandomBytes(batch_bytes);
    rocksdb::WriteBatch batch;
    for (uint64_t i = 0; i < rows_; ++i) {
      KAPPA_CHECK(database_->Put(row, &batch).ok(), "a put failed");
    }
    KAPPA_CHECK(database_->Write(&batch).ok(), "a write failed");
  }

  void GetOne() {
    next_ = next_ % rows_ + 1;
    rocksdb::PinnableSlice value;
    KAPPA_CHECK(database_->Get(next_, &value).ok(), "a get failed");
    benchmark::DoNotOptimize(value.data());
  }
  std::unique_ptr<rocksdb::Iterator> Scan() { return database_->Scan(); }

 private:
  ScratchFolder folder_;
  std::unique_ptr<BareDatabase> database_;
  const uint64_t rows_;
  uint64_t next_ = 0;
};

size_t PerRead(size_t batch_bytes) { return kReadBytes / batch_bytes; }

void BM_ScanMemtable(benchmark::State& state) {
  const auto batch_bytes = static_cast<size_t>(state.range(0));
  Log log(batch_bytes, /*sealed=*/false);
  BareLog bare(batch_bytes);
  const auto iterator = bare.Scan();
  CopyOf copy(RandomBytes(kReadBytes));
  BareScan scan(iterator.get());
  RunBeside(
      state, {kReadBytes, PerRead(batch_bytes)},
      "RocksDB's iterator and one memcpy", [&] { log.ReadOn(); },
      [&] {
        scan();
        copy();
      });
}
BENCHMARK(BM_ScanMemtable)->Arg(1 << 10)->Arg(128 << 10);

void BM_ScanSealed(benchmark::State& state) {
  const auto batch_bytes = static_cast<size_t>(state.range(0));
  Log log(batch_bytes, /*sealed=*/true);
  rocksdb::SstFileReader reader{rocksdb::Options()};
  KAPPA_CHECK(reader.Open(log.SealedFile()).ok(), "a file was not opened");
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> iterator(
      reader.NewIterator(options));
  RunBeside(
      state, {kReadBytes, PerRead(batch_bytes)}, "RocksDB's SstFileReader",
      [&] { log.ReadOn(); }, BareScan(iterator.get()));
}
BENCHMARK(BM_ScanSealed)->Arg(1 << 10)->Arg(128 << 10);

void BM_ReadOne(benchmark::State& state) {
  const auto batch_bytes = static_cast<size_t>(state.range(0));
  Log log(batch_bytes, /*sealed=*/false);
  BareLog bare(batch_bytes);
  RunBeside(
      state, {batch_bytes, 1}, "RocksDB's Get", [&] { log.ReadOne(); },
      [&] { bare.GetOne(); });
}
BENCHMARK(BM_ReadOne)->Arg(1 << 10)->Arg(128 << 10);

void BM_ReadHeader(benchmark::State& state) {
  const auto batch_bytes = static_cast<size_t>(state.range(0));
  Log log(batch_bytes, /*sealed=*/false);
  BareLog bare(batch_bytes);
  RunBeside(
      state, {0, 1}, "RocksDB's Get", [&] { log.ReadOneHeader(); },
      [&] { bare.GetOne(); });
}
BENCHMARK(BM_ReadHeader)->Arg(1 << 10)->Arg(128 << 10);

}  // namespace
}  // namespace kappa::performance

BENCHMARK_MAIN();
