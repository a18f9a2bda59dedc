#include "tests/simulation/nodes/node_disk.h"

#include <optional>
#include <string>
#include <string_view>

#include "proto/wire/check.h"

namespace kappa::node_simulation {

using storage::GroupWrite;
using storage::MemoryLogStore;
using storage::ReplicaSpec;

// Passes everything on to the disk's store.
class NodeDisk::View final : public storage::LogStore {
 public:
  explicit View(NodeDisk* disk) : disk_(disk), store_(disk->store_) {}

  absl::StatusOr<std::vector<ReplicaNumber>> CreateReplicas(
      absl::Span<const ReplicaSpec> specs) override {
    if (!disk_->attached_) return disk_->Refused();
    disk_->Remember([specs = std::vector<ReplicaSpec>(
                         specs.begin(), specs.end())](MemoryLogStore* store) {
      return store->CreateReplicas(specs).status();
    });
    return store_->CreateReplicas(specs);
  }
  absl::Status DropReplicas(absl::Span<const ReplicaNumber> numbers) override {
    if (!disk_->attached_) return disk_->Refused();
    disk_->Remember(
        [numbers = std::vector<ReplicaNumber>(numbers.begin(), numbers.end())](
            MemoryLogStore* store) { return store->DropReplicas(numbers); });
    return store_->DropReplicas(numbers);
  }
  absl::Status Commit(absl::Span<const GroupWrite> writes) override {
    return disk_->Commit(writes);
  }

  std::vector<storage::ReplicaInfo> Replicas() const override {
    return store_->Replicas();
  }
  absl::StatusOr<storage::ReplicaPosition> Position(
      ReplicaNumber replica) const override {
    return store_->Position(replica);
  }
  absl::StatusOr<std::vector<storage::StoredEntry>> Read(
      ReplicaNumber replica, LogIndex from, LogIndex last, size_t bytes_max,
      storage::ReadClass read_class) const override {
    return store_->Read(replica, from, last, bytes_max, read_class);
  }
  absl::StatusOr<storage::EntryHeader> ReadHeader(
      ReplicaNumber replica, LogIndex index) const override {
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
    return store_->TermStarts(replica);
  }
  absl::StatusOr<std::optional<std::string>> GetSideRow(
      storage::SideTable table, std::string_view key) const override {
    return store_->GetSideRow(table, key);
  }
  absl::Status ScanSideRows(
      storage::SideTable table, std::string_view prefix,
      const std::function<bool(std::string_view key, std::string_view value)>&
          visit) const override {
    return store_->ScanSideRows(table, prefix, visit);
  }

 private:
  NodeDisk* const disk_;
  const std::shared_ptr<MemoryLogStore> store_;
};

std::unique_ptr<storage::LogStore> NodeDisk::Open() {
  attached_ = true;
  fails = fails_after_write = false;
  return std::make_unique<View>(this);
}

absl::Status NodeDisk::Refused() const {
  return absl::UnavailableError("the process is cut off from its disk");
}

void NodeDisk::Remember(Change change) {
  if (world_->options.mutant != Mutant::kAcknowledgeBeforeSync) return;
  journal_.push_back(std::move(change));
}

absl::Status NodeDisk::Commit(absl::Span<const GroupWrite> writes) {
  if (!attached_) return Refused();
  if (fails) return absl::UnavailableError("the sync failed");
  Remember([writes = std::vector<GroupWrite>(writes.begin(), writes.end())](
               MemoryLogStore* store) { return store->Commit(writes); });
  absl::Status status = store_->Commit(writes);
  ++world_->counts.cycles;
  watch_->OnCommitted(node_, *store_, writes);
  if (fails_after_write) return absl::UnavailableError("the sync failed");
  return status;
}

void NodeDisk::LoseUnsynced() {
  if (world_->options.mutant != Mutant::kAcknowledgeBeforeSync) return;
  if (!journal_.empty()) journal_.pop_back();
  store_ = std::make_shared<MemoryLogStore>();
  for (const Change& change : journal_) {
    KAPPA_CHECK(change(store_.get()).ok(), "what was done can be done again");
  }
}

}  // namespace kappa::node_simulation
