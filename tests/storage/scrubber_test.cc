// The scrub's thread, on a store in memory: what it does with what was found.
#include "storage/scrubber.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proto/wire/clock.h"
#include "proto/wire/crc32c.h"
#include "proto/wire/mutex.h"
#include "storage/known_damage.h"
#include "storage/memory_log_store.h"
#include "storage/scrub_state.h"
#include "tests/server/store_view.h"
#include "tests/storage/directory_damage.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

constexpr uint64_t kEntries = 300;
constexpr size_t kEntryBytes = 10 << 10;

// Counts how often a file takes the place of `name` in a folder.
class RenameCount {
 public:
  explicit RenameCount(const std::string& folder)
      : watch_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    // The making of PATH.next is told between two that would be joined.
    EXPECT_GE(
        inotify_add_watch(watch_, folder.c_str(), IN_CREATE | IN_MOVED_TO), 0);
  }
  ~RenameCount() { close(watch_); }
  // Since the last call.
  int Of(const std::string& name) {
    int count = 0;
    alignas(inotify_event) char events[4096];
    for (ssize_t got; (got = read(watch_, events, sizeof(events))) > 0;) {
      for (ssize_t at = 0; at < got;) {
        const auto* event = reinterpret_cast<inotify_event*>(events + at);
        if (event->mask & IN_MOVED_TO && name == event->name) ++count;
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
    return count;
  }

 private:
  const int watch_;
};

// Two replicas of 300 entries of 10 KiB.
class ScrubberThreadTest : public testing::Test {
 protected:
  ScrubberThreadTest() : path_(FreshDirectory("scrubber")) {
    std::filesystem::create_directories(path_);
    known_ = *KnownDamage::Load(path_ + "/damage");
    control_->on_read = [this] {
      MutexLock lock(&mutex_);
      ++reads_;
      changed_.SignalAll();
    };
  }

  // Of the entries in `damaged` no payload has its SHA-256.
  ReplicaNumber Write(uint64_t group,
                      const std::vector<uint64_t>& damaged = {}) {
    const ReplicaSpec spec = SpecOfGroup(group);
    const ReplicaNumber replica = store_.CreateReplicas({spec})->front();
    LogScript log(replica, spec);
    for (uint64_t i = 1; i <= kEntries; ++i) {
      GroupWrite write = log.Empty();
      write.entries.push_back(log.Records(std::string(kEntryBytes, 'a')));
      if (std::count(damaged.begin(), damaged.end(), i) > 0) {
        std::string other(kEntryBytes, '?');
        write.entries[0].header.payload_crc32c = Crc32c(other);
        write.entries[0].payload = Payload::FromString(std::move(other));
      }
      EXPECT_TRUE(store_.Commit({&write, 1}).ok());
    }
    return replica;
  }
  static ScrubRange Whole(ReplicaNumber replica, uint64_t group) {
    return {replica, GroupId(group), LogIndex(1), LogIndex(kEntries),
            "its SHA-256 is wrong"};
  }

  ScrubberOptions Options() {
    ScrubberOptions options;
    options.state_path = path_ + "/scrub";
    options.clock = &clock_;
    options.known_damage = known_.get();
    options.on_damage = [this](const ScrubRange& range) {
      MutexLock lock(&mutex_);
      told_.push_back(range);
    };
    options.on_whole = [this](const ScrubRange& range) {
      MutexLock lock(&mutex_);
      whole_.push_back(range);
    };
    options.on_pass = [this](const ScrubState& state) {
      MutexLock lock(&mutex_);
      passes_ = state.pass;
      changed_.SignalAll();
    };
    return options;
  }
  void WaitForPass(uint64_t pass) {
    MutexLock lock(&mutex_);
    for (int i = 0; i < 600 && passes_ < pass; ++i) {
      changed_.WaitFor(&mutex_, 100'000);
    }
    EXPECT_GE(passes_, pass);
  }
  int WaitForRead() {
    MutexLock lock(&mutex_);
    for (int i = 0; i < 600 && reads_ == 0; ++i) {
      changed_.WaitFor(&mutex_, 100'000);
    }
    return reads_;
  }
  std::vector<ScrubRange> TakeTold() {
    MutexLock lock(&mutex_);
    return std::exchange(told_, {});
  }

  const std::string path_;
  SystemClock clock_;
  MemoryLogStore store_;
  const std::shared_ptr<StoreControl> control_ =
      std::make_shared<StoreControl>();
  const StoreView view_{std::shared_ptr<LogStore>(&store_, [](LogStore*) {}),
                        control_};
  std::unique_ptr<KnownDamage> known_;
  Mutex mutex_;
  CondVar changed_;
  int reads_ = 0;
  uint64_t passes_ = 0;
  std::vector<ScrubRange> told_;
  std::vector<ScrubRange> whole_;
};

// What is found in one step is written once, before anyone is told.
TEST_F(ScrubberThreadTest, AStepWritesWhatItFoundOnce) {
  Write(1, {10, 20, 30, 40});
  RenameCount renames(path_);
  Scrubber scrubber(Options(), &view_);
  WaitForPass(1);
  EXPECT_EQ(TakeTold().size(), 4u);
  EXPECT_EQ((*KnownDamage::Load(path_ + "/damage"))->All().size(), 4u);
  EXPECT_EQ(renames.Of("damage"), 1);
}

// A piece of 1 MiB takes 16 s at this rate.
TEST_F(ScrubberThreadTest, ARecheckKeepsToTheRateAndStopsInsideARange) {
  const std::vector<ScrubRange> known = {Whole(Write(1), 1),
                                         Whole(Write(2), 2)};
  for (const ScrubRange& range : known) known_->Add(range);
  ScrubberOptions options = Options();
  options.bytes_per_second_min = options.bytes_per_second_max = 64 << 10;
  const int64_t begun_us = clock_.MonotonicUs();
  {
    Scrubber scrubber(options, &view_);
    EXPECT_EQ(WaitForRead(), 1);
  }
  EXPECT_LT(clock_.MonotonicUs() - begun_us, 10'000'000);
  EXPECT_EQ(WaitForRead(), 1);
  // Nothing is known of what was not read to its end: it counts as damaged.
  EXPECT_EQ(known_->All(), known);
  EXPECT_EQ(TakeTold(), known);
  EXPECT_TRUE(whole_.empty());
  // The next start tells all of it again, and finds it whole.
  Scrubber scrubber(Options(), &view_);
  WaitForPass(1);
  EXPECT_EQ(TakeTold(), known);
  EXPECT_EQ(whole_, known);
  EXPECT_TRUE(known_->All().empty());
  EXPECT_TRUE((*KnownDamage::Load(path_ + "/damage"))->All().empty());
}

// Nothing but the first thing that is damaged is read of a range.
TEST_F(ScrubberThreadTest, WhatIsStillDamagedStaysKnown) {
  const ScrubRange range = Whole(Write(1, {10}), 1);
  known_->Add(range);
  {
    Scrubber scrubber(Options(), &view_);
    WaitForPass(1);
  }
  EXPECT_EQ(known_->All(), std::vector<ScrubRange>{range});
  EXPECT_TRUE(whole_.empty());
}

TEST_F(ScrubberThreadTest, WhatIsRepairedInARangeIsForgottenWithTheRest) {
  const ReplicaNumber replica = Write(1);
  const ScrubRange range{replica, GroupId(1), LogIndex(10), LogIndex(12),
                         "its SHA-256 is wrong"};
  known_->Add(range);
  control_->on_read = [&] {
    known_->Remove(replica, LogIndex(10), LogIndex(10));
  };
  {
    Scrubber scrubber(Options(), &view_);
    WaitForPass(1);
  }
  EXPECT_TRUE(known_->All().empty());
  EXPECT_EQ(whole_, std::vector<ScrubRange>{range});
}

TEST_F(ScrubberThreadTest, WhatCannotBeReadNowIsRecheckedLater) {
  const ScrubRange range = Whole(Write(1), 1);
  known_->Add(range);
  control_->FailReads(true);
  ScrubberOptions options = Options();
  std::vector<absl::Status> trouble;
  options.on_trouble = [&](const absl::Status& why) {
    trouble.push_back(why);
    control_->FailReads(false);
  };
  {
    Scrubber scrubber(options, &view_);
    WaitForPass(1);
  }
  EXPECT_EQ(trouble.size(), 1u);
  EXPECT_TRUE(known_->All().empty());
  EXPECT_EQ(whole_, std::vector<ScrubRange>{range});
}

TEST_F(ScrubberThreadTest, WhatCannotBeReadHoldsUpNeitherTheRestNorAPass) {
  const ScrubRange unreadable = Whole(Write(1), 1);
  const ScrubRange put_back = Whole(Write(2), 2);
  known_->Add(unreadable);
  known_->Add(put_back);
  control_->FailReads(true);
  ScrubberOptions options = Options();
  std::vector<absl::Status> trouble;
  options.on_trouble = [&](const absl::Status& why) {
    trouble.push_back(why);
    control_->FailReads(false);
  };
  options.on_whole = [&](const ScrubRange& range) {
    MutexLock lock(&mutex_);
    whole_.push_back(range);
    control_->FailReads(true);
    changed_.SignalAll();
  };
  {
    Scrubber scrubber(options, &view_);
    for (int i = 0; i < 600 && !scrubber.state().running; ++i) {
      MutexLock lock(&mutex_);
      changed_.WaitFor(&mutex_, 100'000);
    }
    EXPECT_TRUE(scrubber.state().running);
    control_->FailReads(false);
    WaitForPass(1);
  }
  EXPECT_EQ(trouble.size(), 1u);
  EXPECT_EQ(whole_, std::vector<ScrubRange>{put_back});
  EXPECT_EQ(known_->All(), std::vector<ScrubRange>{unreadable});
}

// A write that fails with EIO in the place of NAME.next, for a whole pass.
class ScrubberWriteTest : public ScrubberThreadTest {
 protected:
  // Returns what on_fatal was told.
  std::vector<absl::Status> RunBroken(const std::string& name,
                                      const char* device) {
    std::filesystem::create_symlink(device, path_ + "/" + name + ".next");
    std::vector<absl::Status> fatal;
    const auto on_fatal = [&fatal](const absl::Status& status) {
      fatal.push_back(status);
    };
    known_ = *KnownDamage::Load(path_ + "/damage", on_fatal);
    ScrubberOptions options = Options();
    options.on_fatal = on_fatal;
    options.on_trouble = [this](const absl::Status& why) {
      trouble_.push_back(why);
    };
    {
      Scrubber scrubber(options, &view_);
      WaitForPass(1);
      std::filesystem::remove(path_ + "/" + name + ".next");
    }
    return fatal;
  }
  std::vector<absl::Status> trouble_;
};

TEST_F(ScrubberWriteTest, WhatWasFoundAndCannotBeWrittenIsFatal) {
  Write(1, {10, 200});
  EXPECT_EQ(RunBroken("damage", "/proc/self/mem").size(), 1u);
  EXPECT_EQ(known_->All().size(), 2u) << "it counts all the same";
  // The state would say that it was read.
  EXPECT_FALSE(std::filesystem::exists(path_ + "/damage"));
  EXPECT_FALSE(std::filesystem::exists(path_ + "/scrub"));
}

TEST_F(ScrubberWriteTest, AStateThatCannotBeWrittenIsFatal) {
  Write(1);
  EXPECT_EQ(RunBroken("scrub", "/proc/self/mem").size(), 1u);
  EXPECT_FALSE(std::filesystem::exists(path_ + "/scrub"));
}

TEST_F(ScrubberWriteTest, WithoutRoomItIsWrittenLater) {
  Write(1, {10, 200});
  EXPECT_EQ(RunBroken("damage", "/dev/full").size(), 0u);
  ASSERT_EQ(trouble_.size(), 1u) << "told once";
  EXPECT_TRUE(absl::IsResourceExhausted(trouble_[0]));
  // The end of the thread wrote it.
  EXPECT_EQ((*KnownDamage::Load(path_ + "/damage"))->All().size(), 2u);
  EXPECT_EQ(LoadScrubState(path_ + "/scrub").pass, 1u);
}

}  // namespace
}  // namespace kappa::storage
