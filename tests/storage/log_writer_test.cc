#include "storage/log_writer.h"

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "proto/wire/mutex.h"
#include "storage/memory_log_store.h"
#include "tests/storage/log_script.h"

namespace kappa::storage {
namespace {

constexpr int64_t kDeadlineUs = 60'000'000;

// Something that happens once.
class Event {
 public:
  void Set() {
    MutexLock lock(&mutex_);
    set_ = true;
    changed_.SignalAll();
  }
  // False when it did not happen within the deadline.
  bool Await() {
    MutexLock lock(&mutex_);
    while (!set_) {
      if (!changed_.WaitFor(&mutex_, kDeadlineUs)) return set_;
    }
    return true;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool set_ ABSL_GUARDED_BY(mutex_) = false;
};

// Passes everything on to a store in memory; Commit can be held up or fail.
class GatedStore final : public LogStore {
 public:
  // From now on each Commit waits for Open().
  void Close() {
    MutexLock lock(&mutex_);
    open_ = false;
  }
  void Open() {
    MutexLock lock(&mutex_);
    open_ = true;
    changed_.SignalAll();
  }
  // Returns when a Commit waits.
  bool AwaitCommit() {
    MutexLock lock(&mutex_);
    while (!waiting_) {
      if (!changed_.WaitFor(&mutex_, kDeadlineUs)) return waiting_;
    }
    return true;
  }
  void FailCommits(absl::Status status) {
    MutexLock lock(&mutex_);
    failure_ = std::move(status);
  }
  // Returns when an idle writer asked for what the store has of its own.
  bool AwaitIdleCommit() { return idle_.Await(); }
  // Writes in each cycle so far.
  std::vector<size_t> cycles() const {
    MutexLock lock(&mutex_);
    return cycles_;
  }

  absl::Status Commit(absl::Span<const GroupWrite> writes) override {
    if (writes.empty()) {  // the writer is idle
      idle_.Set();
      return absl::OkStatus();
    }
    {
      MutexLock lock(&mutex_);
      waiting_ = true;
      changed_.SignalAll();
      while (!open_) changed_.Wait(&mutex_);
      waiting_ = false;
      cycles_.push_back(writes.size());
      if (!failure_.ok()) return failure_;
    }
    return memory_.Commit(writes);
  }
  absl::StatusOr<std::vector<ReplicaNumber>> CreateReplicas(
      absl::Span<const ReplicaSpec> specs) override {
    return memory_.CreateReplicas(specs);
  }
  absl::Status DropReplicas(absl::Span<const ReplicaNumber> numbers) override {
    return memory_.DropReplicas(numbers);
  }
  std::vector<ReplicaInfo> Replicas() const override {
    return memory_.Replicas();
  }
  absl::StatusOr<ReplicaPosition> Position(
      ReplicaNumber replica) const override {
    return memory_.Position(replica);
  }
  absl::StatusOr<std::vector<StoredEntry>> Read(
      ReplicaNumber replica, LogIndex from, LogIndex last, size_t bytes_max,
      ReadClass read_class) const override {
    return memory_.Read(replica, from, last, bytes_max, read_class);
  }
  absl::StatusOr<EntryHeader> ReadHeader(ReplicaNumber replica,
                                         LogIndex index) const override {
    return memory_.ReadHeader(replica, index);
  }
  absl::StatusOr<LogIndex> FindOffset(ReplicaNumber replica,
                                      Offset offset) const override {
    return memory_.FindOffset(replica, offset);
  }
  absl::StatusOr<LogIndex> FindTime(ReplicaNumber replica,
                                    int64_t time_us) const override {
    return memory_.FindTime(replica, time_us);
  }
  absl::StatusOr<std::vector<raft::EntryId>> TermStarts(
      ReplicaNumber replica) const override {
    return memory_.TermStarts(replica);
  }
  absl::StatusOr<std::optional<std::string>> GetSideRow(
      SideTable table, std::string_view key) const override {
    return memory_.GetSideRow(table, key);
  }
  absl::Status ScanSideRows(
      SideTable table, std::string_view prefix,
      const std::function<bool(std::string_view, std::string_view)>& visit)
      const override {
    return memory_.ScanSideRows(table, prefix, visit);
  }

 private:
  MemoryLogStore memory_;
  Event idle_;
  mutable Mutex mutex_;
  CondVar changed_;
  bool open_ ABSL_GUARDED_BY(mutex_) = true;
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::vector<size_t> cycles_ ABSL_GUARDED_BY(mutex_);
};

class LogWriterTest : public testing::Test {
 protected:
  LogWriterTest() {
    auto numbers = store_.CreateReplicas({SpecOfGroup(1), SpecOfGroup(2)});
    EXPECT_TRUE(numbers.ok());
    first_.emplace(numbers->at(0), SpecOfGroup(1));
    second_.emplace(numbers->at(1), SpecOfGroup(2));
  }

  void Start(LogWriterOptions options = {}) {
    writer_ = std::make_unique<LogWriter>(&store_, std::move(options));
  }

  static std::vector<GroupWrite> OneBatch(LogScript* script,
                                          std::string payload) {
    GroupWrite write = script->Empty();
    write.entries.push_back(script->Records(std::move(payload)));
    std::vector<GroupWrite> writes;
    writes.push_back(std::move(write));
    return writes;
  }

  LogIndex LastOf(const LogScript& script) const {
    return store_.Position(script.replica())->last.index;
  }

  GatedStore store_;
  std::optional<LogScript> first_;
  std::optional<LogScript> second_;
  std::unique_ptr<LogWriter> writer_;
};

TEST_F(LogWriterTest, CompletesAfterTheCommit) {
  Start();
  Event done;
  LogIndex seen;
  EXPECT_TRUE(writer_->Submit(OneBatch(&*first_, "a"), [&] {
    seen = LastOf(*first_);
    done.Set();
  }));
  ASSERT_TRUE(done.Await());
  EXPECT_EQ(seen, LogIndex(1));
  EXPECT_EQ(writer_->stats().cycles, 1u);
  EXPECT_EQ(writer_->stats().payload_bytes, 1u);
  const std::shared_ptr<const WriterLoadMeter> meter = writer_->load_meter();
  const WriterLoad load = meter->Read();
  EXPECT_EQ(load.payload_bytes, 1u);
  if (load.waits.has_value()) {
    EXPECT_GT(load.waits->count, 0u);
  }
  writer_.reset();
  EXPECT_EQ(meter->Read().payload_bytes, 1u);
}

// While one cycle syncs the next one fills: all of it goes in one commit.
TEST_F(LogWriterTest, GroupsWhatWaits) {
  Start();
  store_.Close();
  Event last;
  std::vector<int> order;
  writer_->Submit(OneBatch(&*first_, "a"), [&] { order.push_back(0); });
  ASSERT_TRUE(store_.AwaitCommit());
  for (int i = 1; i <= 9; ++i) {
    LogScript* const script = i % 2 == 0 ? &*first_ : &*second_;
    writer_->Submit(OneBatch(script, "b"), [&order, &last, i] {
      order.push_back(i);
      if (i == 9) last.Set();
    });
  }
  store_.Open();
  ASSERT_TRUE(last.Await());
  EXPECT_EQ(store_.cycles(), (std::vector<size_t>{1, 9}));
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(LastOf(*first_), LogIndex(5));
  EXPECT_EQ(LastOf(*second_), LogIndex(5));
}

TEST_F(LogWriterTest, CycleIsBoundedInBytes) {
  LogWriterOptions options;
  options.cycle_bytes_max = 25;
  Start(std::move(options));
  store_.Close();
  Event last;
  writer_->Submit(OneBatch(&*first_, "a"), nullptr);
  ASSERT_TRUE(store_.AwaitCommit());
  for (int i = 0; i < 5; ++i) {
    writer_->Submit(OneBatch(&*first_, std::string(10, 'b')), [&last, i] {
      if (i == 4) last.Set();
    });
  }
  store_.Open();
  ASSERT_TRUE(last.Await());
  EXPECT_EQ(store_.cycles(), (std::vector<size_t>{1, 2, 2, 1}));
}

TEST_F(LogWriterTest, SubmissionLargerThanACycleIsTaken) {
  LogWriterOptions options;
  options.cycle_bytes_max = 1;
  Start(std::move(options));
  Event done;
  writer_->Submit(OneBatch(&*first_, std::string(100, 'a')),
                  [&] { done.Set(); });
  EXPECT_TRUE(done.Await());
}

TEST_F(LogWriterTest, TellsWhenTheQueueIsFull) {
  LogWriterOptions options;
  options.queue_bytes_max = 20;
  Start(std::move(options));
  store_.Close();
  EXPECT_TRUE(writer_->Submit(OneBatch(&*first_, std::string(10, 'a')), {}));
  ASSERT_TRUE(store_.AwaitCommit());
  EXPECT_TRUE(writer_->Submit(OneBatch(&*first_, std::string(10, 'b')), {}));
  EXPECT_FALSE(writer_->congested());
  Event done;
  EXPECT_FALSE(writer_->Submit(OneBatch(&*first_, "c"), [&] { done.Set(); }));
  EXPECT_TRUE(writer_->congested());
  store_.Open();
  ASSERT_TRUE(done.Await());  // taken all the same
  EXPECT_FALSE(writer_->congested());
  EXPECT_EQ(writer_->stats().queued_bytes, 0u);
}

TEST_F(LogWriterTest, RunsWorkBetweenCyclesInOrder) {
  Start();
  store_.Close();
  Event done;
  writer_->Submit(OneBatch(&*first_, "a"), nullptr);
  ASSERT_TRUE(store_.AwaitCommit());
  LogIndex before_work;
  LogIndex after_work;
  writer_->Submit(OneBatch(&*first_, "b"), nullptr);
  writer_->Run(
      [&](LogStore* store) {
        before_work = store->Position(first_->replica())->last.index;
        return absl::AbortedError("as told");
      },
      [&](absl::Status status) { EXPECT_TRUE(absl::IsAborted(status)); });
  writer_->Submit(OneBatch(&*first_, "c"), [&] {
    after_work = LastOf(*first_);
    done.Set();
  });
  store_.Open();
  ASSERT_TRUE(done.Await());
  EXPECT_EQ(before_work, LogIndex(2));
  EXPECT_EQ(after_work, LogIndex(3));
}

// RELIABILITY.md S9: no retry, and nobody is told that it is durable.
TEST_F(LogWriterTest, NothingIsWrittenOrCompletedAfterAFailure) {
  LogWriterOptions options;
  Event fatal;
  absl::Status told;
  int calls = 0;
  options.on_fatal = [&](const absl::Status& status) {
    told = status;
    ++calls;
    fatal.Set();
  };
  Start(std::move(options));
  store_.Close();
  bool completed = false;
  writer_->Submit(OneBatch(&*first_, "a"), [&] { completed = true; });
  ASSERT_TRUE(store_.AwaitCommit());
  writer_->Submit(OneBatch(&*first_, "b"), [&] { completed = true; });
  writer_->Run(
      [&](LogStore*) {
        completed = true;
        return absl::OkStatus();
      },
      [&](absl::Status) { completed = true; });
  store_.FailCommits(absl::UnavailableError("EIO"));
  store_.Open();
  ASSERT_TRUE(fatal.Await());
  writer_.reset();  // takes what is queued, and ends
  EXPECT_EQ(told.message(), "EIO");
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(completed);
  EXPECT_EQ(store_.cycles(), (std::vector<size_t>{1}));
}

TEST_F(LogWriterTest, EndFinishesWhatWasSubmitted) {
  Start();
  int completed = 0;
  for (int i = 0; i < 100; ++i) {
    writer_->Submit(OneBatch(&*first_, "a"), [&] { ++completed; });
  }
  writer_.reset();
  EXPECT_EQ(completed, 100);
  EXPECT_EQ(LastOf(*first_), LogIndex(100));
}

// A sealed segment is recorded even if nobody writes.
TEST_F(LogWriterTest, IdleWriterLetsTheStoreRecordItsOwn) {
  Start();
  EXPECT_TRUE(store_.AwaitIdleCommit());
}

TEST_F(LogWriterTest, ManySubmittersKeepTheirOrder) {
  Start();
  constexpr int kWrites = 500;
  std::vector<std::thread> threads;
  std::vector<int> completed(2, 0);
  for (int who = 0; who < 2; ++who) {
    threads.emplace_back([&, who] {
      LogScript* const script = who == 0 ? &*first_ : &*second_;
      for (int i = 0; i < kWrites; ++i) {
        writer_->Submit(OneBatch(script, "x"), [&completed, who, i] {
          // Completions run on one thread, in order.
          if (completed[who] == i) ++completed[who];
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  writer_.reset();
  EXPECT_EQ(completed, (std::vector<int>{kWrites, kWrites}));
  EXPECT_EQ(LastOf(*first_), LogIndex(kWrites));
  EXPECT_EQ(LastOf(*second_), LogIndex(kWrites));
}

}  // namespace
}  // namespace kappa::storage
