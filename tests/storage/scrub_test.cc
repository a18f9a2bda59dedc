// The scrub: its state, its passes, its thread.
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/wire/clock.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/mutex.h"
#include "storage/known_damage.h"
#include "storage/memory_log_store.h"
#include "storage/replaced_file.h"
#include "storage/rocks_log_store.h"
#include "storage/scrub_pass.h"
#include "storage/scrub_state.h"
#include "storage/scrubber.h"
#include "tests/server/store_view.h"
#include "tests/storage/damage_fixture.h"
#include "tests/storage/directory_damage.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

using testing::HasSubstr;

ScrubState SomeState() {
  ScrubState state;
  state.pass = 3;
  state.running = true;
  state.begin_time_us = 5;
  state.end_time_us = -1;
  state.replica = ReplicaNumber(7);
  state.index = LogIndex(9);
  state.entries = 11;
  state.payload_bytes = 13;
  state.damaged_entries = 2;
  state.damage.push_back(
      {ReplicaNumber(6), GroupId(5), LogIndex(1), LogIndex(2), "why"});
  return state;
}

absl::Status Save(const std::string& path, const ScrubState& state) {
  return ReplacedFile(path, nullptr).Replace(EncodeScrubState(state));
}

TEST(ScrubStateTest, SurvivesItsFile) {
  const std::string path = testing::TempDir() + "/scrub";
  ASSERT_TRUE(Save(path, SomeState()).ok());
  EXPECT_EQ(LoadScrubState(path), SomeState());
}

TEST(ScrubStateTest, AMissingOrDamagedFileBeginsAnew) {
  const std::string path = testing::TempDir() + "/scrub-damaged";
  EXPECT_EQ(LoadScrubState(path), ScrubState());
  ASSERT_TRUE(Save(path, SomeState()).ok());
  const size_t bytes = ReadAll(path).size();
  for (size_t at = 0; at < bytes; ++at) {
    ASSERT_TRUE(Save(path, SomeState()).ok());
    FlipBit(path, at);
    EXPECT_EQ(LoadScrubState(path), ScrubState()) << at;
    EXPECT_TRUE(absl::IsDataLoss(DecodeScrubState(ReadAll(path)).status()));
  }
}

// Three replicas of 300 entries of 10 KiB; one payload's SHA-256 is wrong.
class ScrubPassTest : public testing::Test {
 protected:
  static constexpr uint64_t kEntries = 300;

  ScrubPassTest() {
    for (uint64_t group = 1; group <= 3; ++group) {
      const ReplicaSpec spec = SpecOfGroup(group);
      const ReplicaNumber replica = store_.CreateReplicas({spec})->front();
      LogScript log(replica, spec);
      for (uint64_t i = 1; i <= kEntries; ++i) {
        GroupWrite write = log.Empty();
        write.entries.push_back(
            log.Records(std::string(10 << 10, static_cast<char>(i))));
        if (group == 2 && i == 150) {
          // Its bytes and their CRC32C agree, its digest does not.
          EntryWrite& entry = write.entries.back();
          std::string other(10 << 10, '?');
          entry.header.payload_crc32c = Crc32c(other);
          entry.payload = Payload::FromString(std::move(other));
        }
        EXPECT_TRUE(store_.Commit({&write, 1}).ok());
      }
    }
  }

  // Steps until the end of the pass; returns how many steps it took.
  int Finish(ScrubPass* pass) {
    int steps = 0;
    while (pass->Step(/*now_us=*/200).has_value()) ++steps;
    return steps;
  }
  ScrubPass PassFrom(ScrubState state) {
    return ScrubPass(
        &store_, std::move(state),
        [this](const ScrubRange& range) { reported_.push_back(range); });
  }

  MemoryLogStore store_;
  std::vector<ScrubRange> reported_;
};

TEST_F(ScrubPassTest, ReadsEverythingAndFindsWhatCrcCannot) {
  ScrubPass pass = PassFrom(ScrubState());
  pass.Begin(/*now_us=*/100);
  EXPECT_TRUE(pass.state().running);
  const int steps = Finish(&pass);
  // About 1 MiB a step.
  EXPECT_GE(steps, 6);
  EXPECT_LE(steps, 12);
  EXPECT_FALSE(pass.state().running);
  EXPECT_EQ(pass.state().pass, 1u);
  EXPECT_EQ(pass.state().begin_time_us, 100);
  EXPECT_EQ(pass.state().end_time_us, 200);
  EXPECT_EQ(pass.state().entries, 3 * kEntries - 1);
  EXPECT_EQ(pass.state().damaged_entries, 1u);
  ASSERT_EQ(reported_.size(), 1u);
  EXPECT_EQ(reported_[0].group, GroupId(2));
  EXPECT_EQ(reported_[0].first, LogIndex(150));
  EXPECT_EQ(reported_[0].last, LogIndex(150));
  EXPECT_THAT(reported_[0].what, HasSubstr("SHA-256"));
  // The next pass finds it again.
  pass.Begin(300);
  Finish(&pass);
  EXPECT_EQ(pass.state().pass, 2u);
  EXPECT_EQ(pass.state().damaged_entries, 1u);
  EXPECT_EQ(reported_.size(), 2u);
}

TEST_F(ScrubPassTest, GoesOnWhereItStopped) {
  ScrubPass whole = PassFrom(ScrubState());
  whole.Begin(100);
  const int steps = Finish(&whole);
  for (int stop = 1; stop < steps; ++stop) {
    reported_.clear();
    ScrubPass first = PassFrom(ScrubState());
    first.Begin(100);
    for (int i = 0; i < stop; ++i) ASSERT_TRUE(first.Step(100).has_value());
    const auto decoded = DecodeScrubState(EncodeScrubState(first.state()));
    ASSERT_TRUE(decoded.ok());
    ScrubPass second = PassFrom(*decoded);
    EXPECT_EQ(Finish(&second), steps - stop);
    EXPECT_EQ(second.state(), whole.state()) << stop;
    EXPECT_EQ(reported_.size(), 1u) << stop;
  }
}

// Too many open files are no damage: nothing is passed over for it.
TEST_F(ScrubPassTest, WhatCannotBeReadNowIsReadLater) {
  ScrubPass whole = PassFrom(ScrubState());
  whole.Begin(100);
  const int steps = Finish(&whole);
  const auto control = std::make_shared<StoreControl>();
  const StoreView view(std::shared_ptr<LogStore>(&store_, [](LogStore*) {}),
                       control);
  for (int stop = 0; stop < steps; ++stop) {
    reported_.clear();
    ScrubPass pass(&view, ScrubState(), [this](const ScrubRange& range) {
      reported_.push_back(range);
    });
    pass.Begin(100);
    for (int i = 0; i < stop; ++i) ASSERT_TRUE(pass.Step(100).has_value());
    EXPECT_TRUE(pass.trouble().ok());
    const ScrubState before = pass.state();
    control->FailReads(true);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(pass.Step(100), 0u);
      EXPECT_TRUE(absl::IsUnavailable(pass.trouble()));
    }
    EXPECT_EQ(pass.state().entries, before.entries);
    EXPECT_EQ(pass.state().damaged_entries, before.damaged_entries);
    control->FailReads(false);
    EXPECT_EQ(Finish(&pass), steps - stop);
    EXPECT_EQ(pass.state(), whole.state()) << stop;
    EXPECT_EQ(reported_.size(), 1u) << stop;
  }
}

// One who reads meanwhile has the first of them repaired; the others are
// damaged.
TEST_F(ScrubPassTest, WhatIsRepairedMeanwhileIsDamagedNoMore) {
  const ReplicaNumber replica(1);
  const auto whole = store_.Read(replica, LogIndex(100), LogIndex(105),
                                 size_t{1} << 20, ReadClass::kReplay);
  ASSERT_TRUE(whole.ok() && whole->size() == 6);
  for (uint64_t i = 100; i <= 105; ++i)
    store_.DamageEntry(replica, LogIndex(i));
  const auto repair = [&](size_t i) {
    GroupWrite write;
    write.replica = replica;
    write.repairs.push_back({(*whole)[i].header, (*whole)[i].payload});
    EXPECT_TRUE(store_.Commit({&write, 1}).ok());
  };
  const auto control = std::make_shared<StoreControl>();
  int reads = 0;
  control->on_read = [&] {
    // Those of 1 and 100 were the first ones, that of 103 is the fifth.
    if (++reads == 5) {
      repair(0);
      repair(2);
    }
  };
  const StoreView view(std::shared_ptr<LogStore>(&store_, [](LogStore*) {}),
                       control);
  ScrubPass pass(&view, ScrubState(), [this](const ScrubRange& range) {
    if (range.group == GroupId(1)) reported_.push_back(range);
  });
  pass.Begin(/*now_us=*/100);
  Finish(&pass);
  ASSERT_EQ(reported_.size(), 2u);
  EXPECT_EQ(reported_[0].first, LogIndex(101));
  EXPECT_EQ(reported_[0].last, LogIndex(101));
  EXPECT_EQ(reported_[1].first, LogIndex(103));
  EXPECT_EQ(reported_[1].last, LogIndex(105));
}

TEST_F(ScrubPassTest, ADroppedReplicaIsPassedOver) {
  ScrubPass pass = PassFrom(ScrubState());
  pass.Begin(100);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(pass.Step(100).has_value());
  ASSERT_TRUE(store_.DropReplicas({ReplicaNumber(2)}).ok());
  Finish(&pass);
  EXPECT_FALSE(pass.state().running);
  EXPECT_LT(pass.state().entries, 3 * kEntries);
  EXPECT_GE(pass.state().entries, 2 * kEntries);
}

// --- on a real store, with its thread ---

class ScrubberTest : public testing::Test {
 protected:
  ScrubberTest() : path_(FreshDirectory("copy")) {
    CopyTree(TheWholeDirectory().path, path_);
  }

  ScrubberOptions Options() {
    ScrubberOptions options;
    options.state_path = path_ + "/scrub";
    options.clock = &clock_;
    options.known_damage = known_.get();
    options.on_damage = [this](const ScrubRange& range) {
      MutexLock lock(&mutex_);
      damage_.push_back(range);
    };
    options.on_pass = [this](const ScrubState& state) {
      MutexLock lock(&mutex_);
      passes_[state.pass] = state;
      changed_.SignalAll();
    };
    return options;
  }
  void Open() {
    auto store = RocksLogStore::Open(DamageTestOptions(path_));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  ScrubState WaitForPass(uint64_t pass) {
    MutexLock lock(&mutex_);
    for (int i = 0; i < 600 && passes_.count(pass) == 0; ++i) {
      changed_.WaitFor(&mutex_, 100'000);
    }
    return passes_[pass];
  }

  const std::string path_;
  SystemClock clock_;
  std::unique_ptr<KnownDamage> known_ = *KnownDamage::Load("");
  std::unique_ptr<RocksLogStore> store_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<ScrubRange> damage_;
  std::map<uint64_t, ScrubState> passes_;
};

TEST_F(ScrubberTest, FindsDamageInFilesThatAreOpen) {
  Open();
  const std::string file = path_ + "/" + SealedFilesOf(path_).front();
  Scrubber scrubber(Options(), store_.get());
  const ScrubState first = WaitForPass(1);
  EXPECT_EQ(first.damaged_entries, 0u);
  uint64_t entries = 0;
  for (const ReplicaPosition& position : TheWholeDirectory().positions) {
    entries += position.last.index.value();
  }
  EXPECT_EQ(first.entries, entries);
  // More than what a block holds: beyond what the block cache kept.
  ZeroRange(file, 0, std::filesystem::file_size(file) / 2);
  EXPECT_EQ(scrubber.StartNow(), 2u);
  const ScrubState second = WaitForPass(2);
  EXPECT_GT(second.damaged_entries, 0u);
  ASSERT_FALSE(second.damage.empty());
  EXPECT_EQ(scrubber.state().end_time_us, second.end_time_us);
  EXPECT_EQ(scrubber.bytes_per_second(), 0u);
  MutexLock lock(&mutex_);
  EXPECT_FALSE(damage_.empty());
}

TEST_F(ScrubberTest, IsNotDueAgainAfterARestart) {
  Open();
  {
    Scrubber scrubber(Options(), store_.get());
    WaitForPass(1);
  }
  Scrubber again(Options(), store_.get());
  EXPECT_EQ(again.state().pass, 1u);
  EXPECT_FALSE(again.state().running);
  EXPECT_EQ(again.StartNow(), 2u);
  EXPECT_EQ(WaitForPass(2).pass, 2u);
}

// What was found is kept before anyone is told, and told again by the next run
// as long as it is damaged.
TEST_F(ScrubberTest, DamageIsRememberedAndRechecked) {
  Open();
  const std::string list = path_ + "/damage";
  known_ = *KnownDamage::Load(list);
  const ScrubRange range{TheWholeDirectory().replicas[0], GroupId(1),
                         LogIndex(5), LogIndex(5), "its SHA-256 is wrong"};
  known_->Add(range);
  ASSERT_TRUE(known_->Save().ok());
  const std::string file = path_ + "/" + SealedFilesOf(path_).front();
  {
    Scrubber scrubber(Options(), store_.get());
    // Entry 5 is whole, and forgotten.
    EXPECT_EQ(WaitForPass(1).damaged_entries, 0u);
    EXPECT_TRUE(known_->All().empty());
    EXPECT_TRUE((*KnownDamage::Load(list))->All().empty());
    ZeroRange(file, 0, std::filesystem::file_size(file) / 2);
    scrubber.StartNow();
    EXPECT_GT(WaitForPass(2).damaged_entries, 0u);
  }
  known_ = *KnownDamage::Load(list);
  const std::vector<ScrubRange> kept = known_->All();
  ASSERT_FALSE(kept.empty());
  {
    MutexLock lock(&mutex_);
    damage_.clear();
  }
  // Not due again: what it tells of is what was kept.
  { Scrubber scrubber(Options(), store_.get()); }
  EXPECT_EQ(known_->All(), kept);
  MutexLock lock(&mutex_);
  EXPECT_EQ(damage_, kept);
}

// A pass that began under a clock far ahead does not put off the next one for
// as long.
TEST_F(ScrubberTest, AClockThatWasAheadPutsNothingOff) {
  Open();
  ScrubState ahead;
  ahead.pass = 1;
  ahead.begin_time_us = clock_.NowUs() + int64_t{10} * 365 * 86'400 * 1'000'000;
  ahead.end_time_us = ahead.begin_time_us;
  ScrubberOptions options = Options();
  options.period_us = 1'000;
  ASSERT_TRUE(Save(options.state_path, ahead).ok());
  Scrubber scrubber(options, store_.get());
  EXPECT_EQ(WaitForPass(2).pass, 2u);
}

TEST_F(ScrubberTest, KeepsToItsRateAndStopsAtOnce) {
  Open();
  ScrubberOptions options = Options();
  options.bytes_per_second_min = options.bytes_per_second_max = 64 << 10;
  const int64_t begun_us = clock_.MonotonicUs();
  {
    Scrubber scrubber(options, store_.get());
    scrubber.StartNow();
  }
  // A piece of 1 MiB takes 16 s at this rate.
  EXPECT_LT(clock_.MonotonicUs() - begun_us, 10'000'000);
  EXPECT_TRUE(LoadScrubState(options.state_path).running ||
              LoadScrubState(options.state_path).pass == 0);
}

}  // namespace
}  // namespace kappa::storage
