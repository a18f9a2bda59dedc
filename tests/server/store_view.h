// StoreView: a LogStore that passes everything to another one, until it is cut
// off, as a process is from its disk when it dies.
#ifndef KAPPA_TESTS_SERVER_STORE_VIEW_H_
#define KAPPA_TESTS_SERVER_STORE_VIEW_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/wire/mutex.h"
#include "storage/damaged_index.h"
#include "storage/log_store.h"

namespace kappa::storage {

// What a test does to a store, shared with the views of it.
//
// Thread safety: thread-safe.
class StoreControl {
 public:
  // Later writes of any view fail, and change nothing.
  void Cut() { cut_.store(true); }
  void Mend() { cut_.store(false); }
  bool cut() const { return cut_.load(); }

  // Reads of entries fail as if too many files were open.
  void FailReads(bool fail) { reads_fail_.store(fail); }
  bool reads_fail() const { return reads_fail_.load(); }

  // They fail as if the entries were damaged.
  void DamageReads(bool damage) { reads_damaged_.store(damage); }
  bool reads_damaged() const { return reads_damaged_.load(); }

  // The next read that begins with this entry fails as if it was damaged, as
  // one does that began before it was repaired.
  void DamageReadOf(LogIndex index) { damaged_read_of_ = index; }
  bool TakeDamagedRead(LogIndex from) {
    return from != LogIndex() &&
           damaged_read_of_.compare_exchange_strong(from, LogIndex());
  }

  // Commits wait until Release.
  void Hold() {
    MutexLock lock(&mutex_);
    held_ = true;
  }
  void Release() {
    MutexLock lock(&mutex_);
    held_ = false;
    released_.SignalAll();
  }
  void WaitWhileHeld() {
    MutexLock lock(&mutex_);
    while (held_) released_.Wait(&mutex_);
  }

  // Each commit takes so long from now on; 0: as it does.
  void DelayCommits(int64_t us) {
    MutexLock lock(&mutex_);
    delay_us_ = us;
  }
  void WaitForDelay() {
    MutexLock lock(&mutex_);
    if (delay_us_ > 0) delayed_.WaitFor(&mutex_, delay_us_);
  }

  // Whether writes wait for memory, as the store says from now on.
  void StallWrites(bool stalled) { writes_stalled_.store(stalled); }
  // How often somebody asked.
  uint64_t looks() const { return looks_.load(); }
  StoreCondition Look(StoreCondition condition) {
    ++looks_;
    condition.writes_stalled = writes_stalled_.load();
    return condition;
  }

  // The replica cannot be woken: its rows are damaged. 0: all can.
  void DamageWakesOf(ReplicaNumber replica) { damaged_wakes_of_ = replica; }
  bool WakeIsDamaged(ReplicaNumber replica) {
    if (replica == ReplicaNumber() || replica != damaged_wakes_of_.load()) {
      return false;
    }
    ++damaged_wakes_;
    return true;
  }
  // How often that was tried.
  uint64_t damaged_wakes() const { return damaged_wakes_; }

  // A partition that wakes waits until ReleaseWakes, and its shard with it.
  void HoldWakes() {
    MutexLock lock(&mutex_);
    wakes_held_ = true;
  }
  void ReleaseWakes() {
    MutexLock lock(&mutex_);
    wakes_held_ = false;
    released_.SignalAll();
  }
  void WaitWhileWakesHeld() {
    MutexLock lock(&mutex_);
    while (wakes_held_) released_.Wait(&mutex_);
  }

  // Reads of side rows wait until ReleaseSideReads, as on a disk that hangs.
  void HoldSideReads() {
    MutexLock lock(&mutex_);
    side_reads_held_ = true;
  }
  void ReleaseSideReads() {
    MutexLock lock(&mutex_);
    side_reads_held_ = false;
    released_.SignalAll();
  }
  void WaitWhileSideReadsHeld() {
    MutexLock lock(&mutex_);
    while (side_reads_held_) released_.Wait(&mutex_);
  }

  // Called before each commit with its writes; may be empty. Set it before the
  // node is opened.
  std::function<absl::Status(absl::Span<const GroupWrite>)> before_commit;
  // Called before each read of entries; may be empty. Set it before any.
  std::function<void()> on_read;
  // As before_commit, before replicas are created (true) or dropped.
  std::function<absl::Status(bool creates)> before_replicas;

 private:
  std::atomic<bool> cut_{false};
  std::atomic<bool> writes_stalled_{false};
  std::atomic<uint64_t> looks_{0};
  std::atomic<bool> reads_fail_{false};
  std::atomic<bool> reads_damaged_{false};
  std::atomic<LogIndex> damaged_read_of_{LogIndex()};
  std::atomic<ReplicaNumber> damaged_wakes_of_{ReplicaNumber()};
  std::atomic<uint64_t> damaged_wakes_{0};
  Mutex mutex_;
  CondVar released_;
  CondVar delayed_;  // never signalled
  int64_t delay_us_ ABSL_GUARDED_BY(mutex_) = 0;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  bool wakes_held_ ABSL_GUARDED_BY(mutex_) = false;
  bool side_reads_held_ ABSL_GUARDED_BY(mutex_) = false;
};

class StoreView final : public LogStore {
 public:
  StoreView(std::shared_ptr<LogStore> store,
            std::shared_ptr<StoreControl> control)
      : store_(std::move(store)), control_(std::move(control)) {}

  absl::StatusOr<std::vector<ReplicaNumber>> CreateReplicas(
      absl::Span<const ReplicaSpec> specs) override {
    absl::Status status = Before(true);
    if (!status.ok()) return status;
    return store_->CreateReplicas(specs);
  }
  absl::Status DropReplicas(absl::Span<const ReplicaNumber> numbers) override {
    absl::Status status = Before(false);
    if (!status.ok()) return status;
    return store_->DropReplicas(numbers);
  }
  absl::Status Commit(absl::Span<const GroupWrite> writes) override {
    control_->WaitWhileHeld();
    control_->WaitForDelay();
    if (control_->before_commit) {
      absl::Status status = control_->before_commit(writes);
      if (!status.ok()) return status;
    }
    if (control_->cut()) return absl::UnavailableError("cut off");
    return store_->Commit(writes);
  }

  std::vector<ReplicaInfo> Replicas() const override {
    return store_->Replicas();
  }
  absl::StatusOr<ReplicaPosition> Position(
      ReplicaNumber replica) const override {
    return store_->Position(replica);
  }
  absl::StatusOr<std::vector<StoredEntry>> Read(
      ReplicaNumber replica, LogIndex from, LogIndex last, size_t bytes_max,
      ReadClass read_class) const override {
    if (control_->on_read) control_->on_read();
    if (control_->reads_fail()) return TooManyFiles();
    if (control_->reads_damaged()) return absl::DataLossError("damaged");
    if (control_->TakeDamagedRead(from)) {
      return WithDamagedIndex(absl::DataLossError("damaged"), from);
    }
    return store_->Read(replica, from, last, bytes_max, read_class);
  }
  absl::StatusOr<EntryHeader> ReadHeader(ReplicaNumber replica,
                                         LogIndex index) const override {
    if (control_->reads_fail()) return TooManyFiles();
    return store_->ReadHeader(replica, index);
  }
  absl::StatusOr<LogIndex> FindOffset(ReplicaNumber replica,
                                      Offset offset) const override {
    return store_->FindOffset(replica, offset);
  }
  absl::StatusOr<LogIndex> FindTime(ReplicaNumber replica,
                                    int64_t time_us) const override {
    return store_->FindTime(replica, time_us);
  }
  absl::StatusOr<std::vector<raft::EntryId>> TermStarts(
      ReplicaNumber replica) const override {
    control_->WaitWhileWakesHeld();
    if (control_->WakeIsDamaged(replica)) {
      return absl::DataLossError("the replica's rows are damaged");
    }
    return store_->TermStarts(replica);
  }
  absl::StatusOr<std::optional<std::string>> GetSideRow(
      SideTable table, std::string_view key) const override {
    control_->WaitWhileSideReadsHeld();
    return store_->GetSideRow(table, key);
  }
  absl::Status ScanSideRows(
      SideTable table, std::string_view prefix,
      const std::function<bool(std::string_view key, std::string_view value)>&
          visit) const override {
    return store_->ScanSideRows(table, prefix, visit);
  }

  StoreCondition Condition() const override {
    return control_->Look(store_->Condition());
  }

 private:
  static absl::Status TooManyFiles() {
    return absl::UnavailableError("too many open files");
  }
  absl::Status Before(bool creates) {
    if (control_->cut()) return absl::UnavailableError("cut off");
    return control_->before_replicas ? control_->before_replicas(creates)
                                     : absl::OkStatus();
  }

  const std::shared_ptr<LogStore> store_;
  const std::shared_ptr<StoreControl> control_;
};

}  // namespace kappa::storage

#endif  // KAPPA_TESTS_SERVER_STORE_VIEW_H_
