// How fast appends of producers are decided, one thread:
//   bazel run //tests/performance:producer_table_benchmark
//
// range(0) named producers take turns.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proto/wire/check.h"
#include "storage/memory_log_store.h"
#include "storage/producer_table.h"
#include "tests/performance/beside_limit.h"
#include "tests/storage/log_script.h"

namespace kappa::performance {
namespace {

// A partition that knows some producers.
class Partition {
 public:
  explicit Partition(uint64_t producers)
      : table_(NewReplica(&store_), &store_, LogIndex(0)) {
    header_.kind = raft::EntryKind::kRecords;
    header_.record_count = 100;
    header_.payload_bytes = 128 << 10;
    for (uint64_t i = 0; i < producers; ++i) {
      storage::ProducerStamp stamp{.id = {}, .epoch = 1, .sequence = 0};
      // Spread as random ids are.
      for (size_t byte = 0; byte < 8; ++byte) {
        stamp.id[byte] =
            static_cast<uint8_t>(((i + 1) * 0x9e3779b97f4a7c15u) >> (8 * byte));
      }
      stamps_.push_back(stamp);
      last_[stamp.id] = 0;
    }
    for (uint64_t i = 0; i < producers; ++i) Accept();
  }

  // Decides about the next batch of the next producer, which is appended and
  // committed.
  void Accept() {
    storage::ProducerStamp& stamp = Next();
    ++stamp.sequence;
    const auto verdict = table_.Check(stamp, stamp.sequence - 1, Offset(0));
    KAPPA_CHECK(
        verdict.ok() && verdict->decision == storage::ProducerDecision::kAccept,
        "a batch was refused");
    header_.index = header_.index.Next();
    header_.producer = stamp;
    table_.OnAppended(header_);
    KAPPA_CHECK(table_.OnCommitted(header_.index, 0).ok(), "no commit");
    header_.base_offset = header_.next_offset();
  }
  // Asks about the last batch of the next producer once more.
  void RefuseAgain() {
    const auto verdict = table_.Check(Next(), std::nullopt, Offset(0));
    KAPPA_CHECK(verdict.ok() &&
                    verdict->decision == storage::ProducerDecision::kDuplicate,
                "a batch was taken twice");
  }
  void Lookup() {
    const auto view = table_.Lookup(Next().id);
    KAPPA_CHECK(view.ok() && view->has_value(), "a producer is missing");
  }
  // The limit: what stands under the next producer's id.
  void LookUpHash() {
    benchmark::DoNotOptimize(++last_.find(Next().id)->second);
  }

 private:
  static ReplicaNumber NewReplica(storage::LogStore* store) {
    return store->CreateReplicas({storage::SpecOfGroup(1)})->front();
  }
  storage::ProducerStamp& Next() {
    next_ = next_ + 1 < stamps_.size() ? next_ + 1 : 0;
    return stamps_[next_];
  }

  storage::MemoryLogStore store_;
  storage::ProducerTable table_;
  std::vector<storage::ProducerStamp> stamps_;
  absl::flat_hash_map<Uuid, uint64_t> last_;
  size_t next_ = 0;
  storage::EntryHeader header_;
};

constexpr const char* kLimit = "one lookup in a hash map";

void BM_Accept(benchmark::State& state) {
  Partition partition(state.range(0));
  RunBeside(
      state, {}, kLimit, [&] { partition.Accept(); },
      [&] { partition.LookUpHash(); });
}
BENCHMARK(BM_Accept)->Arg(1)->Arg(100)->Arg(10'000);

void BM_RefuseAgain(benchmark::State& state) {
  Partition partition(state.range(0));
  RunBeside(
      state, {}, kLimit, [&] { partition.RefuseAgain(); },
      [&] { partition.LookUpHash(); });
}
BENCHMARK(BM_RefuseAgain)->Arg(1)->Arg(100)->Arg(10'000);

void BM_Lookup(benchmark::State& state) {
  Partition partition(state.range(0));
  RunBeside(
      state, {}, kLimit, [&] { partition.Lookup(); },
      [&] { partition.LookUpHash(); });
}
BENCHMARK(BM_Lookup)->Arg(1)->Arg(100)->Arg(10'000);

}  // namespace
}  // namespace kappa::performance

BENCHMARK_MAIN();
