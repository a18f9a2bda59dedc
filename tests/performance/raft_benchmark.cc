// How fast and how small the Raft core is, one thread:
//   bazel run //tests/performance:raft_benchmark
//
// steps/s counts inputs to a core; allocations are those of the core and its
// outputs; replica_bytes is what a replica of an idle group holds.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "proto/wire/types.h"
#include "raft/core.h"

namespace {

// This program has one thread.
uint64_t allocations = 0;
uint64_t live_bytes = 0;

}  // namespace

void* operator new(size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  ++allocations;
  live_bytes += malloc_usable_size(memory);
  return memory;
}

void operator delete(void* memory) noexcept {
  live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}

void operator delete(void* memory, size_t) noexcept { operator delete(memory); }

namespace kappa::raft {
namespace {

ReplicaId Replica(uint64_t node) {
  return ReplicaId{NodeId(node), Incarnation(1)};
}

std::unique_ptr<Core> NewCore(uint64_t self, uint64_t voters,
                              uint32_t quiesce_ticks = 0) {
  // Shared, as an owner of many groups has it.
  static auto& settings =
      *new std::map<uint32_t, std::shared_ptr<const CoreSettings>>();
  std::shared_ptr<const CoreSettings>& shared = settings[quiesce_ticks];
  if (shared == nullptr) {
    CoreSettings fresh;
    fresh.quiesce_ticks = quiesce_ticks;
    shared = std::make_shared<const CoreSettings>(fresh);
  }
  CoreIdentity identity;
  identity.self = Replica(self);
  identity.group = GroupId(1);
  RestoredState restored;
  for (uint64_t node = 1; node <= voters; ++node) {
    restored.base.configuration.voters.push_back(Replica(node));
  }
  return std::make_unique<Core>(identity, shared, std::move(restored));
}

// Hands each write back as durable at once and each message to its receiver,
// until nobody has output. Returns the number of inputs.
uint64_t Settle(std::vector<std::unique_ptr<Core>>& cores) {
  uint64_t inputs = 0;
  for (bool busy = true; busy;) {
    busy = false;
    for (std::unique_ptr<Core>& core : cores) {
      if (!core->HasOutput()) continue;
      busy = true;
      const Output output = core->TakeOutput();
      for (const Message& message : output.messages) {
        cores[message.to.node.value() - 1]->Step(message);
        ++inputs;
      }
      for (const Persist& persist : output.persists) {
        core->OnPersisted(persist.token);
        ++inputs;
        for (const Message& message : persist.messages_after) {
          cores[message.to.node.value() - 1]->Step(message);
          ++inputs;
        }
      }
      benchmark::DoNotOptimize(output.committed);
    }
  }
  return inputs;
}

void Report(benchmark::State& state, uint64_t inputs, uint64_t entries,
            uint64_t allocations_before) {
  state.counters["steps/s"] = benchmark::Counter(static_cast<double>(inputs),
                                                 benchmark::Counter::kIsRate);
  state.counters["entries/s"] = benchmark::Counter(static_cast<double>(entries),
                                                   benchmark::Counter::kIsRate);
  state.counters["allocations/entry"] =
      static_cast<double>(allocations - allocations_before) /
      static_cast<double>(entries);
}

// range(0) voters; range(1) proposals between two outputs.
void ProposePersistCommit(benchmark::State& state) {
  std::vector<std::unique_ptr<Core>> cores;
  const auto voters = static_cast<uint64_t>(state.range(0));
  for (uint64_t node = 1; node <= voters; ++node) {
    cores.push_back(NewCore(node, voters));
  }
  cores[0]->Campaign();
  Settle(cores);
  const auto proposals = static_cast<uint64_t>(state.range(1));
  uint64_t inputs = 0;
  uint64_t entries = 0;
  const uint64_t allocations_before = allocations;
  for (auto unused : state) {
    for (uint64_t n = 0; n < proposals; ++n) {
      if (!cores[0]
               ->Propose(EntryKind::kRecords, 128, 128 << 10, EntryHandle(1))
               .ok()) {
        state.SkipWithError("refused");
        return;
      }
    }
    entries += proposals;
    inputs += proposals + Settle(cores);
  }
  if (cores[0]->committed() != cores[0]->last().index) {
    state.SkipWithError("not everything was committed");
  }
  Report(state, inputs, entries, allocations_before);
}
BENCHMARK(ProposePersistCommit)
    ->ArgNames({"voters", "proposals"})
    ->Args({1, 1})
    ->Args({1, 16})
    ->Args({1, 256})
    ->Args({3, 1})
    ->Args({3, 16})
    ->Args({3, 256});

// Groups that have committed what they were given; they sleep after
// `quiesce_ticks` of idleness, or never.
using Groups = std::vector<std::vector<std::unique_ptr<Core>>>;

Groups IdleGroups(size_t count, uint64_t voters, uint32_t quiesce_ticks) {
  Groups groups(count);
  for (auto& cores : groups) {
    for (uint64_t node = 1; node <= voters; ++node) {
      cores.push_back(NewCore(node, voters, quiesce_ticks));
    }
    cores[0]->Campaign();
    Settle(cores);
    for (int n = 0; n < 100; ++n) {
      (void)cores[0]->Propose(EntryKind::kRecords, 1, 1, EntryHandle(1));
    }
    Settle(cores);
    for (int tick = 0; tick < 8; ++tick) {
      for (std::unique_ptr<Core>& core : cores) core->Tick();
      Settle(cores);
    }
  }
  return groups;
}

// One tick of the node that leads range(0) idle groups with range(1) voters,
// which sleep after range(2) ticks (0: never). The owner keeps a list of those
// that are awake, as raft/README.md asks, and ticks these only. `core_share`:
// of one processor core at ten ticks a second.
void TickIdleNode(benchmark::State& state) {
  const auto voters = static_cast<uint64_t>(state.range(1));
  const uint64_t live_before = live_bytes;
  const Groups groups = IdleGroups(static_cast<size_t>(state.range(0)), voters,
                                   static_cast<uint32_t>(state.range(2)));
  const uint64_t live = live_bytes - live_before;
  std::vector<Core*> awake;
  for (const auto& cores : groups) awake.push_back(cores[0].get());
  const auto asleep = [](const Core* core) { return core->quiescent(); };
  std::erase_if(awake, asleep);
  for (auto unused : state) {
    for (Core* core : awake) {
      core->Tick();
      // What is awake beats; the receivers are another node's.
      benchmark::DoNotOptimize(core->TakeOutput());
    }
    std::erase_if(awake, asleep);
    benchmark::ClobberMemory();
  }
  state.counters["awake"] = static_cast<double>(awake.size());
  state.counters["replica_bytes"] =
      static_cast<double>(live) /
      static_cast<double>(groups.size() * static_cast<size_t>(voters));
  state.counters["core_share"] = benchmark::Counter(
      static_cast<double>(state.iterations()) / 10,
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(TickIdleNode)
    ->ArgNames({"groups", "voters", "quiesce"})
    ->Args({100000, 1, 3})
    ->Args({100000, 3, 3})
    ->Args({100000, 1, 0});

}  // namespace
}  // namespace kappa::raft

BENCHMARK_MAIN();
