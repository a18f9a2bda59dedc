// Many threads on one node: every answer true, every batch stored once.
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "server/latch.h"
#include "tests/server/awaited.h"
#include "tests/server/node_driver.h"
#include "tests/server/node_harness.h"

namespace kappa::server {
namespace {

// Nothing ends there: it is refused at once.
constexpr Offset kNowhere(1'000'000);

class NodeConcurrencyTest : public testing::TestWithParam<HarnessFactory> {
 protected:
  void SetUp() override { ASSERT_EQ(harness_->Open(), absl::OkStatus()); }

  void Append(GroupId group, const std::string& value,
              std::optional<Offset> expected_offset,
              Node::Callback<AppendResult> done) {
    AppendCommand command;
    command.group = group;
    command.batch = BatchOf({value});
    command.expected_offset = expected_offset;
    driver_.node().Append(std::move(command), std::move(done));
  }
  uint64_t HelpedDrains() {
    uint64_t helped = 0;
    for (const ShardStats& shard : driver_.node().Stats().shards) {
      helped += shard.helped_drains;
    }
    return helped;
  }

  std::unique_ptr<NodeHarness> harness_ = GetParam()();
  NodeDriver driver_{harness_.get()};
};

TEST_P(NodeConcurrencyTest, WritersReadersAndTopicsTogether) {
  constexpr int kWriters = 3;
  constexpr int kBatches = 200;
  driver_.MakeTopic("t", 2);
  const GroupId groups[2] = {driver_.GroupOf("t", 0), driver_.GroupOf("t", 1)};
  std::atomic<bool> writing{true};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      const std::string id = "session-0000000" + std::to_string(writer);
      for (int i = 0; i < kBatches; ++i) {
        const std::string value =
            std::to_string(writer) + ":" + std::to_string(i);
        for (const GroupId group : groups) {
          const auto sequence = Sequence(id, 0, static_cast<uint64_t>(i) + 1);
          ASSERT_TRUE(driver_.Append(group, {value}, sequence).ok());
          if (i % 10 == 0) {
            ASSERT_TRUE(driver_.Append(group, {value}, sequence)->duplicate);
          }
        }
      }
    });
  }
  threads.emplace_back([&] {
    // A follower of the tail sees each offset once, in order.
    uint64_t next = 0;
    while (next < kWriters * kBatches) {
      Awaited<Offset> end;
      driver_.node().WaitForEnd(groups[0], Offset(next), end.callback());
      ASSERT_TRUE(end.Get().ok());
      ReadCommand command;
      command.group = groups[0];
      command.from = Offset(next);
      command.until = Offset(~uint64_t{0});
      command.bytes_max = 100;
      const absl::StatusOr<ReadChunk> chunk = driver_.Read(command);
      ASSERT_TRUE(chunk.ok());
      for (const storage::StoredEntry& entry : chunk->entries) {
        ASSERT_EQ(entry.header.base_offset, Offset(next));
        next = entry.header.next_offset().value();
      }
    }
  });
  threads.emplace_back([&] {
    for (int i = 0; writing.load(); ++i) {
      const std::string name = "u" + std::to_string(i);
      driver_.MakeTopic(name, 2);
      ASSERT_TRUE(driver_.Append(driver_.GroupOf(name, 1), {"x"}).ok());
      ASSERT_TRUE(driver_.DeleteTopic(name).ok());
      driver_.node().Stats();
    }
  });
  for (int i = 0; i < kWriters + 1; ++i) threads[i].join();
  writing.store(false);
  threads.back().join();
  uint64_t helped = 0;
  for (const ShardStats& shard : driver_.node().Stats().shards) {
    helped += shard.helped_drains;
    EXPECT_LE(shard.helped_drains, shard.drains);
  }
  EXPECT_GT(helped, 0u);
  for (const GroupId group : groups) {
    std::map<std::string, int> next;
    for (const std::string& value : driver_.ReadAll(group)) {
      const std::string writer = value.substr(0, 1);
      ASSERT_EQ(value, writer + ":" + std::to_string(next[writer]++));
    }
    for (const auto& [writer, count] : next) EXPECT_EQ(count, kBatches);
    EXPECT_EQ(next.size(), size_t{kWriters});
  }
}

// Whoever gives an answer may be helping a shard, and be asked to help the
// other one by it.
TEST_P(NodeConcurrencyTest, AnAnswerMayAppendToTheOtherShard) {
  constexpr int kChains = 4;
  constexpr int kHops = 300;
  driver_.MakeTopic("t", 2);
  const GroupId groups[2] = {driver_.GroupOf("t", 0), driver_.GroupOf("t", 1)};
  ASSERT_NE(groups[0].value() % 2, groups[1].value() % 2);
  for (const GroupId group : groups) {
    ASSERT_TRUE(driver_.Append(group, {"first"}).ok());
  }
  const uint64_t helped = HelpedDrains();
  auto ended = std::make_shared<Latch>(kChains);
  std::atomic<int> stored{0};
  std::atomic<int> refused{0};
  std::function<void(int)> hop = [&, ended](int done) {
    if (done == kHops) return ended->CountDown();
    // Some are answered at once, while the shard is helped with them.
    const bool nowhere = done % 3 == 2;
    Append(groups[done % 2], "v",
           nowhere ? std::optional<Offset>(kNowhere) : std::nullopt,
           [&, done](const absl::StatusOr<AppendResult>& answer) {
             ++(answer.ok() ? stored : refused);
             hop(done + 1);
           });
  };
  for (int i = 0; i < kChains; ++i) hop(0);
  ASSERT_TRUE(ended->WaitFor(60'000'000));
  EXPECT_EQ(refused.load(), kChains * kHops / 3);
  EXPECT_EQ(stored.load(), kChains * kHops * 2 / 3);
  EXPECT_EQ(
      driver_.ReadAll(groups[0]).size() + driver_.ReadAll(groups[1]).size(),
      static_cast<size_t>(stored.load()) + 2);
  EXPECT_GT(HelpedDrains(), helped);
}

TEST_P(NodeConcurrencyTest, AShutdownWaitsForWhoHelps) {
  driver_.MakeTopic("t", 2);
  const GroupId groups[2] = {driver_.GroupOf("t", 0), driver_.GroupOf("t", 1)};
  ASSERT_NE(groups[0].value() % 2, groups[1].value() % 2);
  for (const GroupId group : groups) {
    ASSERT_TRUE(driver_.Append(group, {"a"}).ok());
  }
  auto helping = std::make_shared<Latch>(1);
  auto go_on = std::make_shared<Latch>(1);
  std::thread helper([&, helping, go_on] {
    const std::thread::id self = std::this_thread::get_id();
    // The shard's own thread may be faster.
    for (int i = 0; i < 100'000 && !helping->zero(); ++i) {
      Awaited<AppendResult> answer;
      Append(groups[0], "x", kNowhere,
             [helping, go_on, self, told = answer.callback()](
                 absl::StatusOr<AppendResult> result) mutable {
               if (std::this_thread::get_id() == self) {
                 helping->CountDown();
                 go_on->Wait();
               }
               told(std::move(result));
             });
      EXPECT_FALSE(answer.Get().ok());
    }
  });
  EXPECT_TRUE(helping->WaitFor(60'000'000));
  Awaited<AppendResult> queued;
  Append(groups[0], "b", std::nullopt, queued.callback());
  std::atomic<bool> ended{false};
  std::thread shutdown([&] {
    driver_.node().Shutdown();
    ended.store(true);
  });
  // The other shard is nobody's concern.
  absl::Status other;
  while (other.ok()) other = driver_.Append(groups[1], {"c"}).status();
  EXPECT_EQ(ReasonOf(other), "SHUTTING_DOWN");
  EXPECT_FALSE(queued.has_answer());
  EXPECT_FALSE(ended.load());
  go_on->CountDown();
  helper.join();
  shutdown.join();
  EXPECT_TRUE(queued.Get().ok());
}

TEST_P(NodeConcurrencyTest, ShutdownAnswersEverybody) {
  driver_.MakeTopic("t", 4);
  std::atomic<int> unanswered{0};
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, group = driver_.GroupOf("t", i)] {
      while (true) {
        ++unanswered;
        const absl::StatusOr<AppendResult> result =
            driver_.Append(group, {"v"});
        --unanswered;
        if (!result.ok()) {
          EXPECT_EQ(ReasonOf(result.status()), "SHUTTING_DOWN");
          return;
        }
      }
    });
  }
  Awaited<Offset> waiter;
  driver_.node().WaitForEnd(driver_.GroupOf("t", 0), Offset(50),
                            waiter.callback());
  ASSERT_TRUE(waiter.Get().ok());
  driver_.node().Shutdown();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(unanswered.load(), 0);
}

INSTANTIATE_TEST_SUITE_P(Stores, NodeConcurrencyTest,
                         testing::ValuesIn(Harnesses()));

}  // namespace
}  // namespace kappa::server
