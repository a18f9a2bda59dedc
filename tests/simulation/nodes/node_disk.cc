#include "tests/simulation/nodes/node_disk.h"

#include <optional>
#include <string>
#include <string_view>

#include "proto/wire/check.h"
#include "raft/open_history.h"

namespace kappa::node_simulation {
namespace {

// As the log writer's.
constexpr int64_t kIdlePeriodUs = 250'000;

}  // namespace

using storage::GroupWrite;
using storage::MemoryLogStore;
using storage::ReplicaSpec;

// Passes everything on to the disk's store.
class NodeDisk::View final : public storage::LogStore {
 public:
  View(NodeDisk* disk, const std::vector<storage::OpenRow>& earlier,
       const storage::OpenRow& now)
      : disk_(disk), store_(disk->content_.store) {
    ledger_.Begin(earlier, now, disk->content_.evidence);
    disk->ledger_ = &ledger_;
  }
  ~View() override {
    if (disk_->ledger_ == &ledger_) disk_->ledger_ = nullptr;
  }

  absl::StatusOr<std::vector<ReplicaNumber>> CreateReplicas(
      absl::Span<const ReplicaSpec> specs) override {
    if (!disk_->attached_) return disk_->Refused();
    disk_->Remember([specs = std::vector<ReplicaSpec>(
                         specs.begin(), specs.end())](MemoryLogStore* store) {
      return store->CreateReplicas(specs).status();
    });
    auto numbers = store_->CreateReplicas(specs);
    EndCycle();
    return numbers;
  }
  absl::Status DropReplicas(absl::Span<const ReplicaNumber> numbers) override {
    if (!disk_->attached_) return disk_->Refused();
    disk_->Remember(
        [numbers = std::vector<ReplicaNumber>(numbers.begin(), numbers.end())](
            MemoryLogStore* store) { return store->DropReplicas(numbers); });
    absl::Status status = store_->DropReplicas(numbers);
    EndCycle();
    return status;
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

  storage::GenerationLedger* generations() override { return &ledger_; }

 private:
  void EndCycle() {
    disk_->WriteCycle();
    ledger_.OnDurable(disk_->content_.cycle, /*promises=*/true);
  }

  NodeDisk* const disk_;
  const std::shared_ptr<MemoryLogStore> store_;
  storage::GenerationLedger ledger_;
};

std::unique_ptr<storage::LogStore> NodeDisk::Open() {
  attached_ = true;
  fails = fails_after_write = false;
  const std::vector<storage::OpenRow> earlier = content_.opens;
  storage::OpenRow now;
  now.open_id = world_->ids.Next() | 1;
  now.first_cycle = ++content_.cycle;
  content_.opens.push_back(now);
  return std::make_unique<View>(this, earlier, now);
}

absl::Status NodeDisk::Refused() const {
  return absl::UnavailableError("the process is cut off from its disk");
}

void NodeDisk::Remember(Change change) {
  if (world_->options.mutant != Mutant::kAcknowledgeBeforeSync) return;
  content_.journal.push_back(std::move(change));
}

absl::Status NodeDisk::Commit(absl::Span<const GroupWrite> writes) {
  if (!attached_) return Refused();
  if (fails) return absl::UnavailableError("the sync failed");
  if (writes.empty() && !ledger_->has_news()) return absl::OkStatus();
  if (!writes.empty()) {
    Remember([writes = std::vector<GroupWrite>(writes.begin(), writes.end())](
                 MemoryLogStore* store) { return store->Commit(writes); });
  }
  absl::Status status = content_.store->Commit(writes);
  WriteCycle();
  watch_->OnCommitted(node_, *content_.store, writes);
  if (fails_after_write) return absl::UnavailableError("the sync failed");
  ledger_->OnDurable(content_.cycle, !writes.empty());
  return status;
}

void NodeDisk::WriteCycle() {
  ++content_.cycle;
  ++world_->counts.cycles;
  written_us_ = world_->now_us;
  for (const auto& change : ledger_->TakeRows()) {
    const std::pair<Uuid, uint64_t> open(change.disk, change.open_id);
    if (change.row.has_value()) {
      content_.evidence[open] = *change.row;
    } else {
      content_.evidence.erase(open);
    }
  }
}

absl::Status NodeDisk::CommitIdle() {
  const bool idle = world_->now_us - written_us_ >= kIdlePeriodUs;
  return attached_ && ledger_ != nullptr && idle ? Commit({})
                                                 : absl::OkStatus();
}

void NodeDisk::LoseUnsynced() {
  if (world_->options.mutant != Mutant::kAcknowledgeBeforeSync) return;
  if (!content_.journal.empty()) content_.journal.pop_back();
  content_.store = std::make_shared<MemoryLogStore>();
  for (const Change& change : content_.journal) {
    KAPPA_CHECK(change(content_.store.get()).ok(),
                "what was done can be done again");
  }
}

void NodeDisk::Wipe() {
  KAPPA_CHECK(!attached_, "no process works on it");
  content_ = Content();
  watch_->OnWiped(node_);
}

std::shared_ptr<const NodeDisk::Image> NodeDisk::TakeImage() const {
  auto image = std::make_shared<Image>(Image{content_});
  image->content.store = content_.store->Copy();
  return image;
}

void NodeDisk::PutBack(const Image& image) {
  KAPPA_CHECK(!attached_, "no process works on it");
  content_ = image.content;
  content_.store = image.content.store->Copy();
  watch_->OnPutBack(node_);
}

bool NodeDisk::RemembersMore(const Uuid& id, const Image& image) const {
  raft::OpenHistory history;
  for (const storage::OpenRow& open : image.content.opens) {
    history.Begin(open.open_id, open.first_cycle);
  }
  const auto first = content_.evidence.lower_bound({id, 0});
  for (auto row = first;
       row != content_.evidence.end() && row->first.first == id; ++row) {
    if (!history.Covers({row->first.second, row->second.cycle},
                        image.content.cycle)) {
      return true;
    }
  }
  return false;
}

}  // namespace kappa::node_simulation
