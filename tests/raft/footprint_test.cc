// What a core allocates while it works, and holds while it does not.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "raft/core.h"
#include "tests/raft/samples.h"

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

using Cores = std::vector<std::unique_ptr<Core>>;

std::unique_ptr<Core> NewCore(uint64_t node) {
  // As an owner of many groups has it.
  static const auto& settings = *[] {
    CoreSettings sleepy;
    sleepy.quiesce_ticks = 3;
    return new std::shared_ptr<const CoreSettings>(
        std::make_shared<const CoreSettings>(sleepy));
  }();
  return std::make_unique<Core>(OptionsOf(node), settings,
                                Restored(Voters({1, 2, 3}), {}));
}

// Hands each write back as durable and each message to its receiver at once,
// until nobody has output.
void Settle(Cores& cores) {
  for (bool busy = true; busy;) {
    busy = false;
    for (std::unique_ptr<Core>& core : cores) {
      if (!core->HasOutput()) continue;
      busy = true;
      const Output output = core->TakeOutput();
      for (const Message& message : output.messages) {
        cores[message.to.node.value() - 1]->Step(message);
      }
      for (const Persist& persist : output.persists) {
        core->OnPersisted(persist.token);
        for (const Message& message : persist.messages_after) {
          cores[message.to.node.value() - 1]->Step(message);
        }
      }
    }
  }
}

// Replica 1 leads 2 and 3, and all have worked.
Cores Working() {
  Cores cores;
  for (uint64_t node = 1; node <= 3; ++node) cores.push_back(NewCore(node));
  cores[0]->Campaign();
  Settle(cores);
  for (int n = 0; n < 200; ++n) {
    EXPECT_TRUE(
        cores[0]->Propose(EntryKind::kRecords, 1, 1, EntryHandle(1)).ok());
    Settle(cores);
  }
  return cores;
}

template <typename Call>
uint64_t AllocationsOf(Call call) {
  const uint64_t before = allocations;
  call();
  return allocations - before;
}

TEST(FootprintTest, ALeaderAllocatesWhatItsOutputNeeds) {
  Cores cores = Working();
  Core& leader = *cores[0];
  for (int n = 0; n < 100; ++n) {
    // The write that will go out: its place and its entries.
    EXPECT_LE(AllocationsOf([&] {
                (void)leader.Propose(EntryKind::kRecords, 1, 1, EntryHandle(1));
              }),
              2u);
    // Two requests, each with its entries, and the list of them.
    Output output;
    EXPECT_LE(AllocationsOf([&] { output = leader.TakeOutput(); }), 4u);
    ASSERT_EQ(output.messages.size(), 2u);
    // What comes back needs nothing.
    const LogIndex last = leader.last().index;
    EXPECT_EQ(
        AllocationsOf([&] { leader.OnPersisted(output.persists.at(0).token); }),
        0u);
    for (uint64_t node : {2, 3}) {
      const Message response =
          AppendAccepted(node, 1, leader.term().value(), last.value());
      EXPECT_EQ(AllocationsOf([&] { leader.Step(response); }), 0u);
    }
    EXPECT_EQ(leader.committed(), last);
    // Two messages that tell the commit index.
    EXPECT_LE(AllocationsOf([&] { output = leader.TakeOutput(); }), 2u);
    EXPECT_EQ(output.messages.size(), 2u);
  }
}

// With three voters.
TEST(FootprintTest, AnIdleReplicaHoldsLittle) {
  Cores cores = Working();
  for (int tick = 0; tick < 10; ++tick) {
    for (std::unique_ptr<Core>& core : cores) core->Tick();
    Settle(cores);
  }
  for (std::unique_ptr<Core>& core : cores) {
    const uint64_t before = live_bytes;
    core.reset();
    const uint64_t held = before - live_bytes;
    EXPECT_LE(held, 1024u);
  }
}

}  // namespace
}  // namespace kappa::raft
