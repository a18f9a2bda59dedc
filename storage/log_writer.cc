#include "storage/log_writer.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <iterator>
#include <thread>
#include <utility>

#include "proto/wire/check.h"
#include "proto/wire/mutex.h"

namespace kappa::storage {
namespace {

int64_t MonotonicUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// How long the thread waits for work before it asks the store whether it has
// something of its own to record (a segment that was sealed).
constexpr int64_t kIdlePeriodUs = 250'000;

constexpr std::array<uint64_t, 14> kCommitUsBounds = {
    100,    250,    500,     1'000,   2'500,   5'000,     10'000,
    25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000, 5'000'000};
constexpr std::array<uint64_t, 9> kCycleBytesBounds = {
    0,         1 << 10, 4 << 10, 16 << 10, 64 << 10,
    256 << 10, 1 << 20, 4 << 20, 8 << 20};

// One Submit or one Run, in the order of the queue.
struct Job {
  std::vector<GroupWrite> writes;
  size_t payload_bytes = 0;
  LogWriter::Done done;
  absl::AnyInvocable<absl::Status(LogStore*)> work;  // set: a Run
  absl::AnyInvocable<void(absl::Status)> work_done;
};

}  // namespace

struct LogWriter::State {
  State(LogStore* store_in, LogWriterOptions options_in)
      : store(store_in), options(std::move(options_in)) {}

  void Enqueue(Job job) {
    bool wake;
    {
      MutexLock lock(&mutex);
      queue.push_back(std::move(job));
      wake = idle;
    }
    if (wake) work_added.Signal();
  }

  // The writer's thread.
  void Loop();
  // Without a thread: one cycle; false: there was nothing to do.
  bool RunTurn();
  // Waits for work and takes it. Nothing: idle for a while, or the end.
  std::vector<Job> TakeCycle();
  std::vector<Job> TakeQueuedLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void RunCycle(std::vector<Job> jobs);
  // Whether the end has come and nothing is queued.
  bool AtEnd();
  // Lets the store record what it has of its own.
  void CommitIdle();
  // Commits `jobs`, which are all Submits, and completes them.
  void CommitCycle(std::vector<Job> jobs);
  void RunWork(Job job);
  void Fail(const absl::Status& status);

  LogStore* const store;
  const LogWriterOptions options;

  Mutex mutex;
  CondVar work_added;
  std::deque<Job> queue ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  // Whether the thread waits, and so must be woken.
  bool idle ABSL_GUARDED_BY(mutex) = false;

  std::atomic<uint64_t> queued_bytes{0};
  std::atomic<uint64_t> cycles{0};
  std::atomic<uint64_t> group_writes{0};
  const std::shared_ptr<WriterLoadMeter> meter =
      std::make_shared<WriterLoadMeter>();
  std::atomic<uint64_t> last_cycle_bytes{0};
  std::atomic<uint64_t> slow_commits{0};
  std::atomic<int64_t> committing_since_us{0};  // 0: no commit is under way
  Distribution<kCommitUsBounds.size()> commit_us{kCommitUsBounds};
  Distribution<kCycleBytesBounds.size()> cycle_size{kCycleBytesBounds};

  // Of the thread alone.
  bool failed = false;
  std::vector<GroupWrite> cycle_writes;

  std::thread thread;
};

std::vector<Job> LogWriter::State::TakeCycle() {
  MutexLock lock(&mutex);
  bool waited_enough = false;
  while (queue.empty() && !stopping && !waited_enough) {
    idle = true;
    waited_enough = !work_added.WaitFor(&mutex, kIdlePeriodUs);
    idle = false;
  }
  return TakeQueuedLocked();
}

std::vector<Job> LogWriter::State::TakeQueuedLocked() {
  std::vector<Job> taken;
  size_t bytes = 0;
  while (!queue.empty()) {
    Job& next = queue.front();
    const bool is_work = static_cast<bool>(next.work);
    if (!taken.empty() &&
        (is_work || bytes + next.payload_bytes > options.cycle_bytes_max)) {
      break;
    }
    bytes += next.payload_bytes;
    taken.push_back(std::move(next));
    queue.pop_front();
    if (is_work) break;
  }
  return taken;
}

bool LogWriter::State::AtEnd() {
  MutexLock lock(&mutex);
  return stopping && queue.empty();
}

void LogWriter::State::CommitIdle() {
  const absl::Status status = store->Commit({});
  if (!status.ok()) Fail(status);
}

void LogWriter::State::Fail(const absl::Status& status) {
  failed = true;
  if (options.on_fatal) options.on_fatal(status);
}

void LogWriter::State::CommitCycle(std::vector<Job> jobs) {
  cycle_writes.clear();
  size_t bytes = 0;
  for (Job& job : jobs) {
    bytes += job.payload_bytes;
    std::move(job.writes.begin(), job.writes.end(),
              std::back_inserter(cycle_writes));
  }
  const int64_t began_us = MonotonicUs();
  committing_since_us = began_us;
  const absl::Status status = store->Commit(cycle_writes);
  committing_since_us = 0;
  const int64_t took_us = MonotonicUs() - began_us;
  queued_bytes -= bytes;
  if (!status.ok()) {
    Fail(status);
    return;
  }
  // Turns take no time of the machine's.
  if (took_us >= options.slow_commit_us && options.turns == nullptr) {
    ++slow_commits;
  }
  ++cycles;
  commit_us.Record(static_cast<uint64_t>(took_us));
  cycle_size.Record(bytes);
  group_writes += cycle_writes.size();
  meter->payload_bytes_ += bytes;
  last_cycle_bytes = bytes;
  for (Job& job : jobs) {
    if (job.done) job.done();
  }
  cycle_writes.clear();  // lets go of the payloads
}

void LogWriter::State::RunWork(Job job) { job.work_done(job.work(store)); }

void LogWriter::State::Loop() {
  meter->waits_.BeginHere();
  while (true) {
    std::vector<Job> jobs = TakeCycle();
    if (jobs.empty() && AtEnd()) return;
    RunCycle(std::move(jobs));
  }
}

void LogWriter::State::RunCycle(std::vector<Job> jobs) {
  if (failed) return;  // S9: nothing more is written or completed
  if (jobs.empty()) {
    CommitIdle();
  } else if (jobs.front().work) {
    RunWork(std::move(jobs.front()));
  } else {
    CommitCycle(std::move(jobs));
  }
}

bool LogWriter::State::RunTurn() {
  std::vector<Job> jobs;
  {
    MutexLock lock(&mutex);
    jobs = TakeQueuedLocked();
  }
  if (jobs.empty()) return false;
  RunCycle(std::move(jobs));
  return true;
}

LogWriter::LogWriter(LogStore* store, LogWriterOptions options)
    : state_(std::make_unique<State>(store, std::move(options))) {
  State* const state = state_.get();
  if (state->options.turns != nullptr) {
    state->options.turns->Add(this, TurnKind::kLogWriter,
                              [state] { return state->RunTurn(); });
  } else {
    state->thread = std::thread([state] { state->Loop(); });
  }
}

LogWriter::~LogWriter() {
  {
    MutexLock lock(&state_->mutex);
    state_->stopping = true;
  }
  state_->work_added.Signal();
  if (state_->thread.joinable()) state_->thread.join();
  if (state_->options.turns == nullptr) return;
  while (state_->RunTurn()) {
  }
  state_->options.turns->Remove(this);
}

bool LogWriter::Submit(std::vector<GroupWrite> writes, Done done) {
  Job job;
  job.payload_bytes = PayloadBytes(writes);
  job.writes = std::move(writes);
  job.done = std::move(done);
  const uint64_t queued =
      state_->queued_bytes.fetch_add(job.payload_bytes) + job.payload_bytes;
  state_->Enqueue(std::move(job));
  return queued <= state_->options.queue_bytes_max;
}

void LogWriter::Run(absl::AnyInvocable<absl::Status(LogStore*)> work,
                    absl::AnyInvocable<void(absl::Status)> done) {
  KAPPA_CHECK(work && done, "LogWriter::Run needs work and a completion");
  Job job;
  job.work = std::move(work);
  job.work_done = std::move(done);
  state_->Enqueue(std::move(job));
}

bool LogWriter::waited_for() const {
  MutexLock lock(&state_->mutex);
  return !state_->queue.empty();
}

bool LogWriter::congested() const {
  return state_->queued_bytes.load() > state_->options.queue_bytes_max;
}

LogWriterStats LogWriter::stats() const {
  LogWriterStats stats;
  stats.cycles = state_->cycles;
  stats.group_writes = state_->group_writes;
  stats.payload_bytes = state_->meter->payload_bytes_;
  stats.queued_bytes = state_->queued_bytes;
  stats.last_cycle_bytes = state_->last_cycle_bytes;
  stats.commit_us = state_->commit_us.Counts();
  stats.cycle_bytes = state_->cycle_size.Counts();
  return stats;
}

CommitPulse LogWriter::pulse() const {
  CommitPulse pulse;
  pulse.commits = state_->cycles;
  pulse.slow_commits = state_->slow_commits;
  const int64_t since_us = state_->committing_since_us;
  if (since_us > 0) {
    pulse.committing_us = std::max<int64_t>(1, MonotonicUs() - since_us);
  }
  return pulse;
}

std::shared_ptr<const WriterLoadMeter> LogWriter::load_meter() const {
  return state_->meter;
}

}  // namespace kappa::storage
