// Measures the commit path of the store on RocksDB, without a server:
//
//   commit_benchmark DIR [MEGABYTES [REPLICAS [SEGMENT_MEGABYTES [SEALS
//                    [MEGABYTES_PER_SECOND]]]]]
//
// Cycles of 1 MiB in batches of 128 KiB, flushes and seals included, on beyond
// MEGABYTES until SEALS segments are sealed, and no faster than told; one
// record of 1 KiB at a time beside the bare syncs of the same run; a replay of
// one replica; the time to open it all again.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "proto/wire/check.h"
#include "storage/fast_crc32c.h"
#include "storage/rocks_log_store.h"
#include "storage/watermark.h"
#include "tests/performance/sample_batches.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

using ::kappa::performance::kBatchBytes;
using ::kappa::performance::RepeatedBatch;

constexpr size_t kCycleBytes = size_t{1} << 20;
constexpr int kSingleWrites = 2000;
// A cycle that takes longer is a stall.
constexpr double kStallSeconds = 0.05;

struct Arguments {
  std::string directory;
  size_t megabytes = 2048;
  size_t replicas = 1;
  size_t segment_megabytes = 0;  // 0: the default
  size_t seals = 0;
  double megabytes_per_second = 0;  // 0: as fast as it goes
};

double Seconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) +
           static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// What this process made the kernel write, or read, from disk.
double DiskBytes(const std::string& kind) {
  std::ifstream in("/proc/self/io");
  std::string key;
  double bytes = 0;
  while (in >> key >> bytes) {
    if (key == kind + "_bytes:") return bytes;
  }
  return 0;
}

void PrintPercentiles(const char* what, std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  std::printf("%-34s p50 %6.0f us  p99 %6.0f us  max %6.0f us\n", what,
              seconds[seconds.size() / 2] * 1e6,
              seconds[seconds.size() * 99 / 100] * 1e6, seconds.back() * 1e6);
}

// Waits until every full segment is sealed: one is active, one is next.
void AwaitSeals(RocksLogStore* store) {
  while (store->stats().unsealed_segments > 2) {
    KAPPA_CHECK(store->Commit({}).ok(), "a commit failed");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

double CommitOne(RocksLogStore* store, std::vector<RepeatedBatch>* writers,
                 size_t* next) {
  std::vector<GroupWrite> writes(kCycleBytes / kBatchBytes);
  for (GroupWrite& write : writes) {
    (*writers)[(*next)++ % writers->size()].AppendTo(&write);
  }
  const double start = Seconds();
  KAPPA_CHECK(store->Commit(writes).ok(), "a commit failed");
  return Seconds() - start;
}

void PrintCycles(const RocksLogStoreStats& stats, std::vector<double> cycles) {
  const auto stalls = std::count_if(cycles.begin(), cycles.end(),
                                    [](double s) { return s > kStallSeconds; });
  PrintPercentiles("  one cycle", std::move(cycles));
  std::printf("  cycles above 50 ms %lld, RocksDB's write stalls %llu\n",
              static_cast<long long>(stalls),
              static_cast<unsigned long long>(stats.write_stalls));
}

void MeasureCycles(RocksLogStore* store, std::vector<RepeatedBatch>* writers,
                   const Arguments& arguments) {
  const double began = Seconds();
  const double cpu = CpuSeconds();
  const double written = DiskBytes("write");
  const uint64_t sealed = store->stats().sealed_segments;
  std::vector<double> cycles;
  size_t next = 0;
  double due = began;
  while (cycles.size() < arguments.megabytes ||
         store->stats().sealed_segments - sealed < arguments.seals) {
    cycles.push_back(CommitOne(store, writers, &next));
    if (cycles.back() > kStallSeconds) {
      std::printf("  a cycle took %.0f ms, %.2f s after the begin\n",
                  cycles.back() * 1e3, Seconds() - began);
    }
    if (arguments.megabytes_per_second == 0) continue;
    due = std::max(due, Seconds() - 1) + 1 / arguments.megabytes_per_second;
    const double early = due - Seconds();
    if (early > 0)
      std::this_thread::sleep_for(std::chrono::duration<double>(early));
  }
  const double bytes = static_cast<double>(cycles.size() * kCycleBytes);
  const double seconds = Seconds() - began;
  std::printf("cycles of 1 MiB: %.0f MB/s, %.2f CPU-s/GB\n",
              bytes / seconds / 1e6, (CpuSeconds() - cpu) / bytes * 1e9);
  PrintCycles(store->stats(), std::move(cycles));
  AwaitSeals(store);
  const uint64_t seals = store->stats().sealed_segments - sealed;
  std::printf(
      "  written %.2f bytes per byte, sealed segments %llu of %.1f MiB\n",
      (DiskBytes("write") - written) / bytes,
      static_cast<unsigned long long>(seals),
      seals == 0
          ? 0
          : (bytes - static_cast<double>(store->stats().active_segment_bytes)) /
                static_cast<double>(seals) / (1 << 20));
}

// The same number of bare syncs: an append to a log file, then a watermark.
void MeasureSingles(RocksLogStore* store, RepeatedBatch* writer,
                    const std::string& scratch) {
  const int file = open((scratch + "/bare.log").c_str(),
                        O_WRONLY | O_CREAT | O_APPEND, 0600);
  KAPPA_CHECK(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 64 << 20) == 0,
              "no space for the bare log");
  KAPPA_CHECK(Watermark::Create(scratch + "/bare", WatermarkValue()).ok(),
              "no bare watermark");
  auto watermark =
      Watermark::Open(scratch + "/bare", *ReadWatermark(scratch + "/bare"));
  const std::string record(1024 + 600, 'x');
  std::vector<double> commits;
  std::vector<double> bare;
  for (int i = 0; i < kSingleWrites; ++i) {
    std::vector<GroupWrite> writes(1);
    writer->AppendTo(&writes[0]);
    double start = Seconds();
    KAPPA_CHECK(store->Commit(writes).ok(), "a commit failed");
    commits.push_back(Seconds() - start);
    start = Seconds();
    KAPPA_CHECK(write(file, record.data(), record.size()) > 0, "bare write");
    KAPPA_CHECK(fdatasync(file) == 0, "bare sync");
    KAPPA_CHECK((*watermark)->Advance(WatermarkValue()).ok(), "watermark");
    bare.push_back(Seconds() - start);
  }
  close(file);
  PrintPercentiles("one record of 1 KiB", std::move(commits));
  PrintPercentiles("  bare log sync + watermark sync", std::move(bare));
}

void MeasureReplay(const RocksLogStore& store, ReplicaNumber replica) {
  const double began = Seconds();
  const double cpu = CpuSeconds();
  const double from_disk = DiskBytes("read");
  const LogIndex last = store.Position(replica)->last.index;
  double bytes = 0;
  LogIndex next(1);
  while (next <= last) {
    auto read =
        store.Read(replica, next, last, size_t{1} << 20, ReadClass::kReplay);
    KAPPA_CHECK(read.ok() && !read->empty(), "a read failed");
    for (const StoredEntry& entry : *read) {
      bytes += static_cast<double>(entry.payload.bytes());
    }
    next = read->back().header.index.Next();
  }
  std::printf(
      "replay of one replica, reads of 1 MiB: %.0f MB at %.0f MB/s, "
      "%.2f CPU-s/GB, %.2f bytes from disk per byte\n",
      bytes / 1e6, bytes / (Seconds() - began) / 1e6,
      (CpuSeconds() - cpu) / bytes * 1e9,
      (DiskBytes("read") - from_disk) / bytes);
}

Arguments Parse(int count, char** values) {
  Arguments arguments;
  arguments.directory = values[1];
  if (count > 2) arguments.megabytes = std::stoul(values[2]);
  if (count > 3) arguments.replicas = std::stoul(values[3]);
  if (count > 4) arguments.segment_megabytes = std::stoul(values[4]);
  if (count > 5) arguments.seals = std::stoul(values[5]);
  if (count > 6) arguments.megabytes_per_second = std::stod(values[6]);
  return arguments;
}

int Main(int count, char** values) {
  if (count < 2) {
    std::fprintf(stderr,
                 "usage: commit_benchmark DIR [MEGABYTES [REPLICAS "
                 "[SEGMENT_MEGABYTES [SEALS [MEGABYTES_PER_SECOND]]]]]\n");
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const Arguments arguments = Parse(count, values);
  const std::string& directory = arguments.directory;
  const size_t replicas = arguments.replicas;
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  RocksLogStoreOptions options;
  options.directory = directory + "/data";
  if (arguments.segment_megabytes > 0) {
    options.segment_bytes = uint64_t{arguments.segment_megabytes} << 20;
  }
  if (std::getenv("MEMTABLE_MB") != nullptr) {
    options.memtable_bytes = std::stoull(std::getenv("MEMTABLE_MB")) << 20;
  }
  auto store = RocksLogStore::Open(options);
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
    return 1;
  }
  std::printf("RocksDB's CRC32C: %s\n",
              std::string(RocksDbCrc32cVariant()).c_str());
  std::vector<ReplicaSpec> specs;
  for (size_t i = 0; i <= replicas; ++i) specs.push_back(SpecOfGroup(i + 1));
  const auto numbers = (*store)->CreateReplicas(specs);
  KAPPA_CHECK(numbers.ok(), "no replicas");
  RepeatedBatch single((*numbers)[replicas], specs[replicas].chain_start, 1024);
  MeasureSingles(store->get(), &single, directory);
  std::vector<RepeatedBatch> writers;
  for (size_t i = 0; i < replicas; ++i) {
    writers.emplace_back((*numbers)[i], specs[i].chain_start, kBatchBytes);
  }
  MeasureCycles(store->get(), &writers, arguments);
  MeasureReplay(**store, (*numbers)[0]);
  store->reset();
  const double began = Seconds();
  store = RocksLogStore::Open(options);
  std::printf("open: %.2f s\n", Seconds() - began);
  std::filesystem::remove_all(directory);
  return store.ok() ? 0 : 1;
}

}  // namespace
}  // namespace kappa::storage

int main(int count, char** arguments) {
  return kappa::storage::Main(count, arguments);
}
